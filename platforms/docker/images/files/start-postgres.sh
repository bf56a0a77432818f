#!/bin/sh
# Makes the cluster where there is none yet, then becomes the server. Understands of the official image's environment
# POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE and PGDATA, a folder within the volume.
set -eu
# The official image is told the program, too.
if [ "${1:-}" = postgres ]; then shift; fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # A killed first start leaves this, which is no cluster yet.
  rm -rf "$PGDATA.new"
  file=${POSTGRES_PASSWORD_FILE:-}
  if [ -z "$file" ]; then
    : "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set}"
    file=/tmp/password
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >"$file")
  fi
  initdb --pgdata="$PGDATA.new" --username="${POSTGRES_USER:-postgres}" --pwfile="$file" \
    --auth-local=scram-sha-256 --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-instructions
  echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA.new/postgresql.conf"
  echo "unix_socket_directories = '/tmp'" >>"$PGDATA.new/postgresql.conf"
  rm -f /tmp/password
  mv "$PGDATA.new" "$PGDATA"
fi
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" "$@"
