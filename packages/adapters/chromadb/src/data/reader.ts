// The program that reads an unpacked copy, in a process of its own: `reading.ts` starts it, orders one reading, and may end it at any moment.
import { toBackupError } from "@sutazai/backup-core";
import { readContent, readTenants } from "./content.ts";
import type { Answer, Order } from "./reading.ts";

process.once("message", (order: Order) => void answer(order));

async function answer({ what, extracted }: Order): Promise<void> {
  const read = { content: readContent, tenants: readTenants }[what];
  const said: Answer = await read(extracted).then(
    (result) => ({ result }),
    (error: unknown) => ({ problem: toBackupError(error).toJSON() }),
  );
  process.send?.(said, () => process.disconnect());
}
