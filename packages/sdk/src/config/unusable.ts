import type { BackupError, DatabaseAdapter } from "@sutazai/backup-core";
import type { Channel, ChannelKind } from "@sutazai/backup-notifier";

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

/** A channel that cannot be used. It is told everything, and fails at each: what it should have told is kept until it can be. */
export function unusableChannel(kind: ChannelKind, name: string, error: BackupError): Channel {
  const fails = () => Promise.reject(error);
  const common = { kind, name, secrets: [] };
  return kind === "healthcheck"
    ? { ...common, accepts: "pings", ping: fails }
    : {
        ...common,
        accepts: "notices",
        routing: {},
        takes: { again: true, resolved: true, event: true },
        deliver: fails,
      };
}
