import {
  BackupError,
  compareFingerprints,
  describeDifference,
  type Fingerprint,
  type OperationContext,
} from "@sutazai/backup-core";
import { liveFacts } from "../live-facts.ts";
import { Server } from "../server.ts";
import type { Site } from "../site.ts";

/** Throws `mismatch` where they differ. */
export function assertSame(expected: Fingerprint, found: Fingerprint, when: string): void {
  const differences = compareFingerprints(expected, found);
  if (differences.length === 0) return;
  throw new BackupError(
    "mismatch",
    `what was restored is not what was backed up, ${when}: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
    {
      operation: "chromadb.restore",
      hint: "the restore is undone; verify this backup (`sutazai-backup verify --level restore`), and use another one if it fails",
      details: { differences: differences.length },
    },
  );
}

/** Asks the server for everything: with vectors missing or torn, it would still count them. */
export async function assertServed(
  context: OperationContext,
  { options, database }: Site,
  expected: Fingerprint,
  tenants: readonly string[],
  when: string,
): Promise<void> {
  context.progress({ step: `comparing with the backup, ${when}` });
  using server = await Server.open(options, database, context.containers, context.signal);
  assertSame(told(expected), told(await liveFacts(context, server, tenants)), when);
}

/** What the API tells in the same terms: ids of collections, and how their configuration is written in the file, are the file's alone. */
function told(facts: Fingerprint): Fingerprint {
  return Object.fromEntries(Object.entries(facts).filter(([name]) => !/\/(?:id|configuration)$/.test(name)));
}
