#!/bin/sh
# Keeps the classes that the server and its commands load, parsed and linked, in archives that every later start maps: it takes half
# the time then. Where an archive does not fit, Java goes without it.
set -eu
cds=$NEO4J_HOME/cds
as_neo4j="setpriv --reuid=neo4j --regid=neo4j --init-groups"
server=$($as_neo4j neo4j console --dry-run | sed 's/-XX:SharedArchiveFile=[^ ]*//')
eval "exec $as_neo4j ${server%% *} -XX:ArchiveClassesAtExit=$cds/server.jsa ${server#* }" >/tmp/server.log 2>&1 &
for _ in $(seq 600); do
  if grep -q Started /tmp/server.log; then break; fi
  sleep 0.1
done
kill -TERM $!
wait $! || true
$as_neo4j java -XX:ArchiveClassesAtExit="$cds/command.jsa" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx128m -cp "$NEO4J_HOME/lib/*" \
  -Dapp.name=neo4j-admin -Dbasedir="$NEO4J_HOME" org.neo4j.server.startup.Neo4jAdminCommand --version >/dev/null
ls -l "$cds"
rm -rf /data/* /logs/* /tmp/* "$NEO4J_HOME"/run/*
