import { isBackupError, type Store } from "@sutazai/backup-core";
import { verification, type Verification } from "./verification.ts";

/**
 * Compares every stored byte of a published backup with its manifest. A damaged backup is a finding; what keeps us from
 * looking is thrown: `not-found`, `cancelled`, `permission`, …
 */
export function verifyChecksum(
  store: Pick<Store, "checkIntegrity">,
  id: string,
  signal: AbortSignal,
): Promise<Verification> {
  return verification("checksum", async () => {
    const { files, bytes, problems } = await store.checkIntegrity(id, signal).catch((error: unknown) => {
      if (!isBackupError(error) || error.reason !== "corrupt") throw error;
      return { files: 0, bytes: 0, problems: [error.message] };
    });
    return { problems, evidence: { files, bytes, factsSettled: 0, notSettled: {} } };
  });
}
