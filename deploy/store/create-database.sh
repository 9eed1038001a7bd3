#!/bin/sh
# Creates the workers' own role and database in PostgreSQL, both called aegrail, or sets the role's password anew. Safe to
# run again. The tables are made by the first worker that starts.
#
# Reads AEGRAIL_STORE_PASSWORD, and PGHOST, PGPORT, PGUSER and PGPASSWORD as psql does, of a role that may create others.
# The workers' role owns its database and nothing else: it can't read Temporal's.
set -eu

: "${AEGRAIL_STORE_PASSWORD:?set AEGRAIL_STORE_PASSWORD to the password that workers shall use}"

psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=postgres <<'SQL'
\set password `printenv AEGRAIL_STORE_PASSWORD`
SELECT 'CREATE ROLE aegrail' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aegrail') \gexec
ALTER ROLE aegrail LOGIN PASSWORD :'password';
SELECT 'CREATE DATABASE aegrail OWNER aegrail ENCODING ''UTF8'' TEMPLATE template0'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'aegrail') \gexec
REVOKE CONNECT ON DATABASE aegrail FROM PUBLIC;
SQL
