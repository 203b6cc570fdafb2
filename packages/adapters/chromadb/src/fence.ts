import type { OperationContext } from "@sutazai/backup-core";
import type { Server } from "./server.ts";

/** Takes the server off its networks until the operation is settled. By URL alone there is nothing to take. */
export async function fence({ containers, journal }: OperationContext, { target }: Server): Promise<void> {
  if (target.container !== undefined) await containers.isolate(target.container.id, { journal });
}
