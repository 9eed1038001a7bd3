# The aegrail worker. Try it with docker-compose.yml; docs/deploy.md has the rest.
#
# Debian, not Alpine: Temporal's core is a prebuilt native library for glibc. Both stages have one base, so that what is
# installed in the first runs in the second.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app

# Dependencies first: this layer is rebuilt only when the lock file changes.
# --ignore-scripts: nothing here needs one. @temporalio/core-bridge and @swc/core ship their native libraries in
# packages, and the development dependency `node` would only fetch a second Node: without its script it puts nothing on
# PATH, and npm uses the image's.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

COPY tsconfig*.json worker.ts ./
COPY src ./src
COPY workflows ./workflows
COPY activities ./activities
RUN npm run build

# What only building needs goes, and so do the native libraries of other platforms (some 100 MB).
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
      ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +


FROM node:24.21.0-bookworm-slim

# ca-certificates: Temporal's core takes its roots from the system, and the slim image has none, so TLS to a cluster
# would fail. tini: reaps what MCP servers started over stdio leave behind, and hands SIGTERM to the worker.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/*

# A user of its own, by number, so that Kubernetes' runAsNonRoot can check it. The code belongs to root, and the worker
# can't change it; only the store's directory is its own, and a new volume mounted there takes that owner over.
RUN groupadd --gid 10001 aegrail \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin aegrail \
 && install -d -o 10001 -g 10001 /app/.aegrail \
 && ln -s /app/src/cli/bin.mjs /usr/local/bin/aegrail
WORKDIR /app

COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/package.json ./package.json
COPY --from=build --chmod=0755 /app/src/cli/bin.mjs ./src/cli/bin.mjs

# HOME: the root file system may be read-only, and npx (MCP servers) wants somewhere to write.
ENV NODE_ENV=production HOME=/tmp
USER 10001:10001

# The worker touches its ready file every few seconds while it polls, and removes it when it starts to drain. A file
# older than 30 s is a worker that hangs.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD test -n "$(find /tmp/ready -newermt '30 seconds ago' 2>/dev/null)"

# node by name, not through npm: npm would stand between the signal and the worker.
ENTRYPOINT ["tini", "--", "node", "/app/src/cli/bin.mjs"]
CMD ["worker", "--config", "/app/aegrail.yaml", "--ready-file", "/tmp/ready"]
