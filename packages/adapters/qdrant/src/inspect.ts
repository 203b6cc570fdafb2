import {
  BackupError,
  toBackupError,
  type Bytes,
  type Fingerprint,
  type Inspection,
  type InspectionContext,
} from "@sutazai/backup-core";
import { PassingDigest, readTar } from "@sutazai/backup-formats";
import { collectionOf, dataArtifact, inventoryArtifact, inventorySchema, parseDetails } from "./details.ts";
import { dataEntries } from "./data/restore.ts";
import { readExport } from "./export-file.ts";
import { aliasFacts, configFacts, contentFacts, infoFacts } from "./facts.ts";
import { parsePoint, PointDigest } from "./points.ts";
import { readSnapshot } from "./snapshot/content.ts";

/** Of the inventory, which is held whole: some kilobytes for each collection. */
const inventoryLimit = 64 * 1024 * 1024;

/**
 * Reads an artifact to its end. A snapshot settles how its collection is made up, an export what is in it, the inventory the aliases;
 * that the rest is what was captured, its digest in the manifest's details shows, which for a snapshot is the server's own.
 */
export async function inspectArtifact(
  artifact: string,
  content: Bytes,
  { details, signal }: InspectionContext,
): Promise<Inspection> {
  const reader = readerOf(artifact);
  const passing = new PassingDigest();
  async function* observed(): Bytes {
    for await (const chunk of content) {
      signal.throwIfAborted();
      passing.add(chunk);
      yield chunk;
    }
  }
  try {
    const facts = await reader(observed());
    const recorded = parseDetails(details)?.digests[artifact];
    if (recorded !== undefined && recorded !== passing.hex()) {
      throw new BackupError("corrupt", "the content is not what was captured: its digest differs", {
        hint: "use another backup",
      });
    }
    return { facts };
  } catch (error) {
    throw toBackupError(error, { operation: "qdrant.inspect", details: { artifact } });
  }
}

type Reader = (content: Bytes) => Promise<Fingerprint>;

function readerOf(artifact: string): Reader {
  if (artifact === inventoryArtifact) return inspectInventory;
  if (artifact === dataArtifact) return inspectData;
  const collection = collectionOf(artifact);
  if (collection !== undefined) {
    const inspect = { snapshot: inspectSnapshot, scroll: inspectExport }[collection.form];
    return (content) => inspect(collection.name, content);
  }
  throw new BackupError("not-found", `a backup of Qdrant has no artifact ${JSON.stringify(artifact)}`, {
    operation: "qdrant.inspect",
    hint: `it has ${inventoryArtifact}, and of each collection collections/<name>.snapshot or .jsonl`,
  });
}

/** The files are the server's own affair: that they are those that were captured, the digest shows. */
async function inspectData(content: Bytes): Promise<Fingerprint> {
  for await (const _ of readTar(content, { types: dataEntries })) continue;
  return {};
}

async function inspectSnapshot(name: string, content: Bytes): Promise<Fingerprint> {
  const reading = readSnapshot();
  for await (const chunk of content) reading.write(chunk);
  const { config, indexes } = reading.end();
  return told(() => configFacts(name, config, indexes));
}

async function inspectExport(name: string, content: Bytes): Promise<Fingerprint> {
  const digest = new PointDigest();
  let configuration: Fingerprint = {};
  await readExport(
    name,
    content,
    (head) => {
      configuration = told(() => infoFacts(name, head));
    },
    (points) => {
      for (const point of points) addPoint(digest, point);
    },
  );
  return { ...configuration, ...contentFacts(name, { exact: digest.count }, { exact: String(digest) }) };
}

/** Facts are made of JSON of any depth. */
function told(facts: () => Fingerprint): Fingerprint {
  try {
    return facts();
  } catch (error) {
    throw new BackupError("corrupt", "the configuration cannot be trusted: it is none that a server has", {
      hint: "use another backup",
      cause: error,
    });
  }
}

function addPoint(digest: PointDigest, line: Buffer): void {
  const number = digest.count + 1;
  try {
    digest.add(parsePoint(line.toString("utf8")));
  } catch (error) {
    throw new BackupError("corrupt", `the export cannot be trusted: its point ${number} is none`, {
      operation: "qdrant.inspect",
      hint: "use another backup",
      details: { point: number },
      cause: error,
    });
  }
}

async function inspectInventory(content: Bytes): Promise<Fingerprint> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > inventoryLimit) throw notAnInventory(length, "is longer than any");
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw notAnInventory(length, "is not JSON");
  }
  const inventory = inventorySchema.safeParse(value);
  if (!inventory.success) throw notAnInventory(length, "does not say what it should");
  return aliasFacts(inventory.data.aliases);
}

function notAnInventory(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `${inventoryArtifact} ${problem}`, {
    operation: "qdrant.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
