import type { OperationContext, Probe } from "@sutazai/backup-core";
import { listCollections, readInfo } from "./collections.ts";
import type { Server } from "./server.ts";

export async function probe({ signal }: OperationContext, server: Server): Promise<Probe> {
  const troubles: string[] = [];
  for (const name of await listCollections(server, signal)) {
    const { status, optimizer_status } = await readInfo(server, name, signal);
    if (status === "red")
      troubles.push(`collection ${JSON.stringify(name)} has an error: ${JSON.stringify(optimizer_status)}`);
  }
  const { container, resource } = server.target;
  return {
    version: server.version,
    resource,
    container,
    // Payloads may be anything from nothing to most of it.
    sizeEstimate: undefined,
    warnings: [
      ...server.warnings,
      ...troubles,
      ...(container === undefined ? ["reached by its URL alone: nobody can be kept out while it is restored"] : []),
    ],
  };
}
