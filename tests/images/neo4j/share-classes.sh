#!/bin/sh
# Makes every later start take half the time: the server's command line is worked out once, and the classes that it loads are kept in an
# archive, parsed and linked. Where the archive does not fit, Java goes without it.
set -eu
cds=$NEO4J_HOME/cds
as_neo4j="setpriv --reuid=neo4j --regid=neo4j --init-groups"
$as_neo4j neo4j console --dry-run > "$cds/server.command"
server=$(sed 's/-XX:SharedArchiveFile=[^ ]*//' "$cds/server.command")
eval "exec $as_neo4j ${server%% *} -XX:ArchiveClassesAtExit=$cds/server.jsa ${server#* }" >/tmp/server.log 2>&1 &
for _ in $(seq 600); do
  if grep -q Started /tmp/server.log; then break; fi
  sleep 0.1
done
kill -TERM $!
wait $! || true
ls -l "$cds"
rm -rf /data/* /logs/* /tmp/* "$NEO4J_HOME"/run/*
