import { BackupError, type Bytes, type Inspection, type InspectionContext } from "@sutazai/backup-core";
import { readTar } from "@sutazai/backup-formats";
import { AofContent } from "./aof/content.ts";
import { artifactNames } from "./backup.ts";
import { fingerprintOf } from "./rdb/content.ts";
import { RdbParser } from "./rdb/parser.ts";

/** A manifest longer than this lists more files than any server makes. */
const manifestLimit = 1024 * 1024;

/** Reads an artifact to its end. `dump.rdb` settles all facts of its form; `appendonly.tar` does where no commands follow its base. */
export async function inspectArtifact(name: string, content: Bytes, facts: InspectionContext): Promise<Inspection> {
  if (name === artifactNames.rdb) return inspectRdb(content, facts.signal);
  if (name === artifactNames.aof) return inspectAof(content, facts.signal);
  throw new BackupError("not-found", `a backup of Redis has no artifact ${JSON.stringify(name)}`, {
    operation: "redis.inspect",
    hint: `it may have: ${Object.values(artifactNames).join(", ")}`,
  });
}

async function inspectRdb(content: Bytes, signal: AbortSignal): Promise<Inspection> {
  const parser = new RdbParser();
  for await (const chunk of content) {
    signal.throwIfAborted();
    parser.write(chunk);
  }
  return { facts: fingerprintOf(parser.end()) };
}

async function inspectAof(tar: Bytes, signal: AbortSignal): Promise<Inspection> {
  let content: AofContent | undefined;
  for await (const entry of readTar(tar, { types: ["file"] })) {
    if (content === undefined) {
      content = new AofContent(await manifestText(entry));
      continue;
    }
    for await (const _ of content.file(entry.name, entry.content)) signal.throwIfAborted();
  }
  if (content === undefined) {
    throw new BackupError("corrupt", "the AOF is an empty archive", {
      operation: "redis.inspect",
      details: { offset: 0 },
    });
  }
  content.end();
  return { facts: content.exact === undefined ? {} : fingerprintOf(content.exact) };
}

/** The manifest is the first entry. */
export async function manifestText(entry: { name: string; content: Bytes }): Promise<string> {
  if (!entry.name.endsWith(".manifest")) {
    throw new BackupError("corrupt", `the AOF begins with ${JSON.stringify(entry.name)}, not with its manifest`, {
      operation: "redis.inspect",
      hint: "this file cannot be trusted; use another backup",
    });
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of entry.content) {
    length += chunk.length;
    if (length > manifestLimit) throw new BackupError("corrupt", "the manifest of the AOF is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
