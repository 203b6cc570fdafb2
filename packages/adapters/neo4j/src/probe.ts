import type { Probe } from "@sutazai/backup-core";
import { listDatabases } from "./databases.ts";
import type { Server } from "./server.ts";
import type { Target } from "./target.ts";
import { serverVersion } from "./version.ts";

/** A look at the server; it is not touched. */
export async function probe(target: Target, server: Server): Promise<Probe> {
  const { host, port } = target.address;
  const offline = (await listDatabases(server)).filter(({ status }) => status !== "online");
  return {
    version: await serverVersion(server),
    resource: target.container?.id ?? `bolt://${host}:${port}`,
    container: target.container,
    sizeEstimate: undefined,
    warnings: offline.map(({ name, status, message }) => `the database ${name} is ${status}: ${message}`),
  };
}
