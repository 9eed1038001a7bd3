#!/bin/sh
# The topology of docker-compose.yml without containers: PostgreSQL, its schema, a Temporal server on it, a namespace.
# Runs until Ctrl-C, then stops what it started. Start the worker in another terminal (docs/deploy.md).
#
#   deploy/without-containers.sh [DIRECTORY]
#
# DIRECTORY (default .aegrail/cluster) keeps the data: the same one again is the same cluster.
# Needs on PATH: initdb, pg_ctl (PostgreSQL 12 or newer), temporal-server and temporal-sql-tool (one version), temporal.
# Everything listens on 127.0.0.1. PGPORT (default 5432) is PostgreSQL's port, TEMPORAL_PORT (7233) the server's,
# TEMPORAL_HTTP_PORT (7243) the server's HTTP API. PostgreSQL does not run as root: neither does this.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
data="${1:-.aegrail/cluster}"

for tool in initdb pg_ctl temporal-server temporal-sql-tool temporal; do
  command -v "$tool" >/dev/null || { echo "$tool is not on PATH (docs/deploy.md says where to get it)" >&2; exit 2; }
done
[ "$(id -u)" -ne 0 ] || { echo "run this as a user other than root: PostgreSQL refuses root" >&2; exit 2; }

mkdir -p "$data"
data=$(cd "$data" && pwd)
export SQL_HOST=127.0.0.1 SQL_PORT="${PGPORT:-5432}" SQL_USER=temporal SQL_PASSWORD="${POSTGRES_PASSWORD:-temporal}"
unset PGPORT # initdb and pg_ctl would read it too
export FRONTEND_GRPC_PORT="${TEMPORAL_PORT:-7233}" FRONTEND_HTTP_PORT="${TEMPORAL_HTTP_PORT:-7243}"
export TEMPORAL_ADDRESS="127.0.0.1:$FRONTEND_GRPC_PORT" TEMPORAL_NAMESPACE="${TEMPORAL_NAMESPACE:-default}"
unset TEMPORAL_API_KEY TEMPORAL_PROFILE TEMPORAL_TLS # of some other server

if temporal operator cluster health >/dev/null 2>&1; then
  echo "a Temporal server is at $TEMPORAL_ADDRESS already: set TEMPORAL_PORT and TEMPORAL_HTTP_PORT to other ports" >&2
  exit 2
fi

if [ ! -f "$data/postgres/PG_VERSION" ]; then
  (umask 077 && printf '%s\n' "$SQL_PASSWORD" >"$data/password")
  initdb -D "$data/postgres" -U "$SQL_USER" --auth=scram-sha-256 --pwfile="$data/password" >"$data/initdb.log"
  rm "$data/password"
fi

server=''
stop() {
  trap - EXIT INT TERM
  if [ -n "$server" ]; then kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true; fi
  pg_ctl -D "$data/postgres" -m fast -w stop >/dev/null
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

pg_ctl -D "$data/postgres" -l "$data/postgres.log" -w start >/dev/null \
  -o "-p $SQL_PORT -c listen_addresses=$SQL_HOST -c unix_socket_directories=" \
  || { trap - EXIT; echo "PostgreSQL did not start; see $data/postgres.log" >&2; exit 1; }

sh "$here/temporal/setup-schema.sh" >"$data/schema.log" 2>&1 \
  || { echo "the schema could not be set up; see $data/schema.log" >&2; exit 1; }

# The names that the server's own configuration template reads, as in docker-compose.yml.
export DB=postgres12 POSTGRES_SEEDS="$SQL_HOST" DB_PORT="$SQL_PORT" POSTGRES_USER="$SQL_USER" POSTGRES_PWD="$SQL_PASSWORD"
export BIND_ON_IP=127.0.0.1 NUM_HISTORY_SHARDS=4 TEMPORAL_ALLOW_NO_AUTH=true LOG_LEVEL="${LOG_LEVEL:-warn}"
export DYNAMIC_CONFIG_FILE_PATH="$here/temporal/dynamicconfig.yaml"
temporal-server start >"$data/temporal-server.log" 2>&1 &
server=$!

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((tries - 1))
  kill -0 "$server" 2>/dev/null && [ "$tries" -gt 0 ] \
    || { echo "the Temporal server did not become healthy; see $data/temporal-server.log" >&2; exit 1; }
  sleep 1
done
sh "$here/temporal/create-namespace.sh" >&2

echo "ready: TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS TEMPORAL_NAMESPACE=$TEMPORAL_NAMESPACE, logs in $data"
wait "$server"
