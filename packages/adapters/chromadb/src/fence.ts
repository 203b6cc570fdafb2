import type { OperationContext } from "@sutazai/backup-core";
import type { Site } from "./site.ts";

/** Takes the server off its networks until the operation is settled. By URL alone there is nothing to take. */
export async function fence({ containers, journal }: OperationContext, { container }: Site): Promise<void> {
  if (container !== undefined) await containers.isolate(container.id, { journal });
}
