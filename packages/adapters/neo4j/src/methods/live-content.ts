import type { Fingerprint, OperationContext } from "@sutazai/backup-core";
import { readContent, type ServerContent } from "../fingerprint.ts";
import type { Server } from "../server.ts";
import { systemName } from "../databases.ts";
import { between } from "./capture.ts";

/**
 * What the live server held while something was taken of it: read before, and once more after where transactions were committed in between. Then counts are
 * bounds, and digests are not known.
 */
export async function aroundCapture<Result>(
  { signal }: Pick<OperationContext, "signal">,
  server: Server,
  capture: (before: ServerContent) => Promise<{ readonly result: Result; readonly server: Server }>,
): Promise<{ readonly result: Result; readonly content: ServerContent }> {
  const committed = await lastTransactions(server);
  const before = await readContent(server);
  const { result, server: now } = await capture(before);
  await using _ = now === server ? undefined : now;
  signal.throwIfAborted();
  if ((await lastTransactions(now)) === committed) return { result, content: before };
  const after = await readContent(now);
  const names = new Set([...Object.keys(before.fingerprint), ...Object.keys(after.fingerprint)]);
  const fingerprint: Fingerprint = Object.fromEntries(
    [...names].map((name) => [name, between(before.fingerprint[name], after.fingerprint[name])]),
  );
  return { result, content: { ...before, fingerprint, isEmpty: before.isEmpty && after.isEmpty } };
}

/** Changes with every commit, in any database. */
async function lastTransactions(server: Server): Promise<string> {
  const rows = await server.rows<{ name: string; lastCommittedTxn: bigint | null }>(
    systemName,
    "SHOW DATABASES YIELD name, lastCommittedTxn RETURN name, lastCommittedTxn ORDER BY name",
  );
  return rows.map(({ name, lastCommittedTxn }) => `${name} ${lastCommittedTxn ?? "unknown"}`).join("\n");
}
