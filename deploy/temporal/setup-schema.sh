#!/bin/sh
# Creates Temporal's two databases in PostgreSQL, or brings them up to this server's schema. Safe to run again.
#
# Reads SQL_HOST, SQL_PORT, SQL_USER and SQL_PASSWORD, as temporal-sql-tool does. The schema is the one inside
# temporal-sql-tool: use the tool of the server's own version.
set -eu

: "${SQL_HOST:?set SQL_HOST to the address of PostgreSQL}"
: "${SQL_USER:?set SQL_USER to a role that may create databases}"
: "${SQL_PASSWORD:?set SQL_PASSWORD to the password of $SQL_USER}"
export SQL_PLUGIN=postgres12 # the plugin for PostgreSQL 12 and all later ones

set_up() {
  export SQL_DATABASE="$1"
  temporal-sql-tool create-database
  temporal-sql-tool setup-schema --version 0.0
  temporal-sql-tool update-schema --schema-name "postgresql/v12/$2"
}

set_up temporal temporal
set_up temporal_visibility visibility
