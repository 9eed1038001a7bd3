#!/bin/sh
# Creates the namespace TEMPORAL_NAMESPACE unless it is there. Safe to run again.
#
# Reads TEMPORAL_ADDRESS as every Temporal tool does. RETENTION is how long the history of a closed session is kept:
# after that, its log can be exported from the store only, no longer regenerated from history.
set -eu

: "${TEMPORAL_ADDRESS:?set TEMPORAL_ADDRESS to host:port of the server}"
: "${TEMPORAL_NAMESPACE:?set TEMPORAL_NAMESPACE to the name of the namespace}"
RETENTION="${RETENTION:-168h}"

temporal operator cluster health

if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  echo "namespace $TEMPORAL_NAMESPACE is there"
else
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# What sessions are found by (docs/people.md), as `aegrail search-attributes` has it. Those that are there stay; sessions run
# without them where there is no room.
# A namespace that was just made is known to all of the server some seconds later.
tries=0
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 || [ "$tries" -ge 30 ]; do
  tries=$((tries + 1))
  sleep 1
done
for attribute in AegrailAgent AegrailUser AegrailState AegrailOutcome; do
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$attribute" --type Keyword \
    || echo "$attribute is not registered: sessions are not found by it"
done
