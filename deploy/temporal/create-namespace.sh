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
