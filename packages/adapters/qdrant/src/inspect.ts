import {
  BackupError,
  toBackupError,
  type Bytes,
  type Fingerprint,
  type Inspection,
  type InspectionContext,
} from "@sutazai/backup-core";
import { collectionOf, inventoryArtifact, inventorySchema, parseDetails } from "./details.ts";
import { PassingDigest } from "./digest.ts";
import { aliasFacts, configFacts, contentFacts } from "./facts.ts";
import { damaged, linesOf } from "./lines.ts";
import { parsePoint, PointDigest } from "./points.ts";
import { readSnapshot } from "./snapshot/content.ts";

/** Of the inventory, which is held whole: some kilobytes for each collection. */
const inventoryLimit = 256 * 1024 * 1024;

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

async function inspectSnapshot(name: string, content: Bytes): Promise<Fingerprint> {
  const reading = readSnapshot();
  for await (const chunk of content) reading.write(chunk);
  const { config, indexes } = reading.end();
  return configFacts(name, config, indexes);
}

async function inspectExport(name: string, content: Bytes): Promise<Fingerprint> {
  const digest = new PointDigest();
  let offset = 0;
  for await (const lines of linesOf(content)) {
    for (const line of lines) {
      try {
        digest.add(parsePoint(line.toString("utf8")));
      } catch (error) {
        throw damaged(
          offset,
          `line ${digest.count + 1} is no point (${error instanceof Error ? error.name : "error"})`,
        );
      }
      offset += line.length + 1;
    }
  }
  return contentFacts(name, { exact: digest.count }, { exact: String(digest) });
}

async function inspectInventory(content: Bytes): Promise<Fingerprint> {
  return aliasFacts((await readInventory(content)).aliases);
}

/** Throws `corrupt` for anything but an inventory. */
export async function readInventory(content: Bytes): Promise<ReturnType<typeof inventorySchema.parse>> {
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
  return inventory.data;
}

function notAnInventory(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `${inventoryArtifact} ${problem}`, {
    operation: "qdrant.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
