import type { BackupError, DatabaseAdapter } from "@sutazai/backup-core";

/** A database that cannot be entered. It is one of those there are, and fails at whatever needs its server; what is in the store can be checked and drilled all the same. */
export function unusable(adapter: DatabaseAdapter, error: BackupError): DatabaseAdapter {
  const fails = () => Promise.reject(error);
  const drill = adapter.drill?.bind(adapter);
  return {
    kind: adapter.kind,
    name: adapter.name,
    capabilities: adapter.capabilities,
    probe: fails,
    backup: fails,
    planRestore: fails,
    fence: fails,
    restore: fails,
    fingerprint: fails,
    recover: fails,
    inspectArtifact: (...given) => adapter.inspectArtifact(...given),
    ...(drill !== undefined && { drill }),
  };
}
