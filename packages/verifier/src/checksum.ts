import type { Store } from "@sutazai/backup-core";
import type { Verification } from "./verification.ts";

/** Every stored file is there, is what the manifest says, and there is none besides. */
export async function verifyChecksum(
  store: Pick<Store, "checkIntegrity">,
  id: string,
  signal: AbortSignal,
): Promise<Verification> {
  const startedAt = new Date().toISOString();
  const { files, bytes, problems } = await store.checkIntegrity(id, signal);
  return {
    level: "checksum",
    ok: problems.length === 0,
    problems,
    evidence: { artifacts: files, bytes, factsConfirmed: 0, factsOpen: 0 },
    startedAt,
    endedAt: new Date().toISOString(),
  };
}
