import type { Probe } from "@sutazai/backup-core";
import { savingTroubles } from "./save.ts";
import type { Server } from "./server.ts";
import type { Target } from "./target.ts";
import { serverVersion } from "./version.ts";

/** A look at the server; it is not touched. */
export async function probe(target: Target, server: Server): Promise<Probe> {
  const info = await server.info("server", "replication", "cluster");
  const warnings = await savingTroubles(server);
  if (info["role"] === "slave") {
    warnings.push("this server is a replica: what it holds may be behind its master, and it cannot be restored into");
  }
  if (info["cluster_enabled"] === "1")
    warnings.push("this server is one node of a cluster: its backup holds its own slots only");
  const { host, port } = target.address;
  return {
    version: serverVersion(info),
    resource: target.container?.id ?? `redis://${host}:${port}`,
    container: target.container,
    // Memory tells little of the file: it may be a fifth of it.
    sizeEstimate: undefined,
    warnings,
  };
}
