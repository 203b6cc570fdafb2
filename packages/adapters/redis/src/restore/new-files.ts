import {
  BackupError,
  textOf,
  type ArtifactSource,
  type Bytes,
  type ContainerInfo,
  type OperationContext,
} from "@sutazai/backup-core";
import { readTar, writeTar, type TarInput } from "@sutazai/backup-formats";
import { AofContent } from "../aof/content.ts";
import { formatManifest } from "../aof/manifest.ts";
import { artifactNames } from "../backup.ts";
import { detailsOf } from "../details.ts";
import { manifestText } from "../inspect.ts";
import type { FormName } from "../options.ts";
import type { Persistence } from "../persistence.ts";
import { readingTool } from "../server-file.ts";

/** Owners as numbers, permission bits. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly fileMode: number;
  readonly directoryMode: number;
}

// One line per path that exists: uid, gid, mode in octal, path. The data directory comes last.
const ask = `cd -- "$1" || exit 66
for name in "$2" "$3" .; do
  if [ -e "$name" ]; then stat -c '%u %g %a %n' -- "$name"; fi
done`;

/** Whose the server's files are: as the old ones are, otherwise as the directory is. */
export async function ownershipOf(
  context: OperationContext,
  container: ContainerInfo,
  { directory, rdbFile, aofDirectory }: Persistence,
): Promise<Ownership> {
  const command = ["sh", "-c", ask, "ask", directory, rdbFile, aofDirectory ?? rdbFile];
  const text = await textOf(await readingTool(context, container, directory, command), {
    tool: "stat",
    operation: "redis.files",
  });
  const found = text
    .trim()
    .split("\n")
    .map((line) => /^(\d+) (\d+) ([0-7]+) (.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, uid, gid, mode, name]) => ({ uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode!, 8), name }));
  const first = found[0];
  if (first === undefined) {
    throw new BackupError("not-found", `the data directory ${directory} is not there`, { operation: "redis.files" });
  }
  return {
    uid: first.uid,
    gid: first.gid,
    fileMode: found.find(({ name }) => name === rdbFile)?.mode ?? 0o600,
    directoryMode: found.find(({ name }) => name === aofDirectory)?.mode ?? 0o700,
  };
}

/**
 * The files that a server finds at its start, as a tar with everything below `root`. From an RDB: as its RDB file, and as
 * the base of an AOF, so that it is read whether or not the server keeps one; a lone RDB file beside `appendonly yes` would be ignored.
 */
export function newFiles(
  source: ArtifactSource,
  form: FormName,
  where: Persistence,
  owner: Ownership,
  root: string,
): Bytes {
  return writeTar(form === "rdb" ? rdbFiles(source, where, owner, root) : aofFiles(source, where, owner, root));
}

async function* rdbFiles(
  source: ArtifactSource,
  { rdbFile, aofDirectory, aofFile }: Persistence,
  owner: Ownership,
  root: string,
): AsyncGenerator<TarInput> {
  const name = artifactNames.rdb;
  const size = source.manifest.artifacts.find((artifact) => artifact.name === name)?.plain.bytes ?? 0;
  yield* directories(root, owner);
  yield { name: `${root}/${rdbFile}`, size, content: source.read(name), ...owned(owner) };
  if (aofDirectory === undefined) return;
  const base = { name: `${aofFile}.1.base.rdb`, sequence: 1, role: "base" } as const;
  yield directoryEntry(`${root}/${aofDirectory}`, owner);
  yield { name: `${root}/${aofDirectory}/${base.name}`, type: "link", linkName: `${root}/${rdbFile}`, ...owned(owner) };
  yield manifestEntry(`${root}/${aofDirectory}/${aofFile}.manifest`, formatManifest([base]), owner);
}

async function* aofFiles(
  source: ArtifactSource,
  { aofDirectory, aofFile }: Persistence,
  owner: Ownership,
  root: string,
): AsyncGenerator<TarInput> {
  const last = detailsOf(source.manifest).aof?.last ?? undefined;
  const inside = `${root}/${aofDirectory}`;
  yield* directories(root, owner);
  yield directoryEntry(inside, owner);
  let content: AofContent | undefined;
  for await (const entry of readTar(source.read(artifactNames.aof), { types: ["file"] })) {
    if (content === undefined) {
      content = new AofContent(await manifestText(entry));
      yield manifestEntry(`${inside}/${aofFile}.manifest`, formatManifest(content.files), owner);
      continue;
    }
    // A command that was being written is cut off here, for not every server is set to do so itself.
    const size = last?.name === entry.name ? last.complete : entry.size;
    yield {
      name: `${inside}/${entry.name}`,
      size,
      content: cut(content.file(entry.name, entry.content), size),
      ...owned(owner),
    };
  }
  if (content === undefined)
    throw new BackupError("corrupt", "the AOF is an empty archive", { operation: "redis.restore" });
  content.end();
}

function* directories(root: string, owner: Ownership): Generator<TarInput> {
  const parts = root.split("/");
  for (let depth = 1; depth <= parts.length; depth++) yield directoryEntry(parts.slice(0, depth).join("/"), owner);
}

function directoryEntry(name: string, { uid, gid, directoryMode }: Ownership): TarInput {
  return { name, type: "directory", uid, gid, mode: directoryMode };
}

function owned({ uid, gid, fileMode }: Ownership): Pick<TarInput, "uid" | "gid" | "mode"> {
  return { uid, gid, mode: fileMode };
}

function manifestEntry(name: string, text: string, owner: Ownership): TarInput {
  return { name, content: Buffer.from(text), ...owned(owner) };
}

/** The first bytes of what is read to its end. */
async function* cut(content: Bytes, length: number): Bytes {
  let remaining = length;
  for await (const chunk of content) {
    const piece = chunk.subarray(0, remaining);
    remaining -= piece.length;
    if (piece.length > 0) yield piece;
  }
}
