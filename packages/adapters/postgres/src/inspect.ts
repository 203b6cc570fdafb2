import { toBackupError, type Bytes, type Inspection, type InspectionContext } from "@sutazai/backup-core";
import { z } from "zod";
import { prefixed } from "./backup.ts";
import { globalsArtifact } from "./details.ts";
import { readDump } from "./dump/observe.ts";

const named = z.looseObject({ databases: z.array(z.looseObject({ name: z.string(), artifact: z.string() })) });

/** Reads an artifact to its end. A database's dump settles every fact about what is in it. */
export async function inspectArtifact(
  artifact: string,
  content: Bytes,
  { details, signal }: InspectionContext,
): Promise<Inspection> {
  if (!artifact.endsWith(".sql")) {
    for await (const _ of content) signal.throwIfAborted();
    return { facts: {} };
  }
  try {
    const { facts } = await readDump(content, () => signal.throwIfAborted());
    if (artifact === globalsArtifact) return { facts: {} };
    const databases = named.safeParse(details).data?.databases ?? [];
    const database = databases.find((candidate) => candidate.artifact === artifact)?.name;
    return { facts: database === undefined ? {} : prefixed(database, facts) };
  } catch (error) {
    throw toBackupError(error, { operation: "postgres.inspect", details: { artifact } });
  }
}
