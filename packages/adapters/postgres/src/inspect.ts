import { createHash } from "node:crypto";
import { BackupError, toBackupError, type Bytes, type Inspection, type InspectionContext } from "@sutazai/backup-core";
import { prefixed } from "./backup.ts";
import { globalsArtifact, parseDetails } from "./details.ts";
import { observeDump } from "./dump/observe.ts";

/**
 * Reads an artifact to its end. A database's dump settles every fact about what is in it; what no fact tells of is compared with
 * the digests in the manifest's details.
 */
export async function inspectArtifact(
  artifact: string,
  content: Bytes,
  { details, signal }: InspectionContext,
): Promise<Inspection> {
  const known = parseDetails(details);
  const isDump = artifact === globalsArtifact || artifact.startsWith("databases/");
  const hash = known?.digests[artifact] === undefined ? undefined : createHash("sha256");
  const read = async (source: Bytes) => {
    for await (const chunk of source) {
      signal.throwIfAborted();
      hash?.update(chunk);
    }
  };
  try {
    if (!isDump) {
      await read(content);
      assertSameDigest(known?.digests[artifact], hash?.digest("hex"));
      return { facts: {} };
    }
    const dump = observeDump(content, () => undefined);
    await read(dump.content);
    assertSameDigest(known?.digests[artifact], hash?.digest("hex"));
    const database = known?.databases.find((candidate) => candidate.artifact === artifact);
    if (database === undefined) return { facts: {} };
    const { facts, rest } = dump.facts();
    assertSameDigest(database.rest, rest);
    return { facts: prefixed(database.name, facts) };
  } catch (error) {
    throw toBackupError(error, { operation: "postgres.inspect", details: { artifact } });
  }
}

function assertSameDigest(recorded: string | undefined, found: string | undefined): void {
  if (recorded === found) return;
  throw new BackupError("corrupt", "the content is not what was captured: its digest differs", {
    hint: "use another backup",
  });
}
