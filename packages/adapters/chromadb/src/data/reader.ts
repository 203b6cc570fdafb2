// The program that reads unpacked copies, in a process of its own: `reading.ts` starts it, orders one reading after the other, and may end it at
// any moment. It ends by itself when its starter is gone.
import { toBackupError } from "@sutazai/backup-core";
import { readContent, readTenants } from "./content.ts";
import type { Answer, Order } from "./reading.ts";

// A terminal and systemd send them to all processes: what becomes of a reading its starter says.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);

process.on("message", (order: Order) => void answer(order));

async function answer({ what, extracted }: Order): Promise<void> {
  const read = { content: readContent, tenants: readTenants }[what];
  const said: Answer = await read(extracted).then(
    (result) => ({ result }),
    (error: unknown) => ({ problem: toBackupError(error).toJSON() }),
  );
  if (process.connected) process.send?.(said);
}
