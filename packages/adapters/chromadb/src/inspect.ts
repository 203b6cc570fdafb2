import { tmpdir } from "node:os";
import {
  BackupError,
  isBackupError,
  toBackupError,
  type Bytes,
  type Fingerprint,
  type Inspection,
  type InspectionContext,
} from "@sutazai/backup-core";
import { PassingDigest } from "@sutazai/backup-formats";
import { contentOf, type Scratch } from "./data/scratch.ts";
import { catalogArtifact, dataArtifact, parseDetails } from "./details.ts";
import { catalogFacts, readCatalog } from "./export/catalog.ts";
import { describedFacts, isCosine, readExport, type ExportHead } from "./export/export-file.ts";
import { collectionFact, ContentDigest } from "./facts.ts";

/**
 * Reads an artifact to its end: the copy of a data directory as the server would read it, an export record by record. That it is what was captured,
 * its digest in the manifest's details shows.
 */
export async function inspectArtifact(
  artifact: string,
  content: Bytes,
  { details, signal, bytes, scratch = tmpdir() }: InspectionContext,
): Promise<Inspection> {
  const reader = readerOf(artifact);
  const passing = new PassingDigest();
  async function* observed(): Bytes {
    for await (const chunk of passing.observe(content)) {
      signal.throwIfAborted();
      yield chunk;
    }
  }
  try {
    const facts = await reader(observed(), { signal, bytes, scratch });
    const recorded = parseDetails(details)?.digests[artifact];
    if (recorded !== undefined && recorded !== passing.hex()) {
      throw new BackupError("corrupt", "the content is not what was captured: its digest differs", {
        hint: "use another backup",
      });
    }
    return { facts };
  } catch (error) {
    throw toBackupError(asCorrupt(error), { operation: "chromadb.inspect", details: { artifact } });
  }
}

type Reader = (content: Bytes, scratch: Scratch) => Promise<Fingerprint>;

function readerOf(artifact: string): Reader {
  if (artifact === dataArtifact) return async (content, scratch) => (await contentOf(content, scratch)).fingerprint;
  if (artifact === catalogArtifact) return async (content) => catalogFacts((await readCatalog(content)).databases);
  if (/^collections\/.+\.jsonl$/.test(artifact)) return inspectExport;
  throw new BackupError("not-found", `a backup of Chroma has no artifact ${JSON.stringify(artifact)}`, {
    operation: "chromadb.inspect",
    hint: `it has ${dataArtifact}, ${catalogArtifact}, and of each collection collections/<tenant>/<database>/<name>.jsonl`,
  });
}

async function inspectExport(content: Bytes): Promise<Fingerprint> {
  let head: ExportHead | undefined;
  let digest = new ContentDigest(false);
  await readExport(
    content,
    (found) => {
      head = found;
      digest = new ContentDigest(isCosine(found.collection));
    },
    (records) => {
      for (const record of records) digest.add(record);
    },
  );
  if (head === undefined) return {};
  const prefix = collectionFact(head, head.collection.name);
  return { ...describedFacts(prefix, head.collection), ...digest.facts(prefix) };
}

/** A tar of ours is of the kinds of entry that it can have: what cannot be read in it is damage. */
function asCorrupt(error: unknown): unknown {
  if (!isBackupError(error) || error.reason !== "unsupported") return error;
  return new BackupError("corrupt", error.message, {
    hint: "use another backup",
    details: error.details,
    cause: error,
  });
}
