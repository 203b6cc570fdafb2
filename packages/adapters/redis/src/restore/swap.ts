import {
  isBackupError,
  textOf,
  type ContainerInfo,
  type ContainerRuntime,
  type Json,
  type JournalOperation,
} from "@sutazai/backup-core";
import { z } from "zod";
import type { Persistence } from "../persistence.ts";
import { whenStoppable } from "./ready.ts";

export const stagedAction = "staged";
export const swappedAction = "swapped";

/** Before the daemon kills a server that is writing its last save. */
export const graceSeconds = 600;

/** Where the files of a restore lie: a directory beside the server's own files, on their volume. In it, `new` and `old`. */
export interface Swap {
  readonly container: string;
  /** The server's, within the container. */
  readonly port: number;
  readonly directory: string;
  readonly aside: string;
  /** What is exchanged, by name within `directory`; any may be missing. */
  readonly names: readonly string[];
  /** It did not run before: undoing leaves it so. */
  readonly wasStopped?: boolean | undefined;
}

const schema: z.ZodType<Swap> = z.strictObject({
  container: z.string(),
  port: z.int(),
  directory: z.string(),
  aside: z.string(),
  names: z.array(z.string()),
  wasStopped: z.boolean().optional(),
});

export function swapOf(data: unknown): Swap {
  return schema.parse(data);
}

export function swapAsJson(swap: Swap): Json {
  return { ...swap, names: [...swap.names], wasStopped: swap.wasStopped ?? false };
}

/** The exchange for this server: RDB file, AOF directory, and the AOF file of versions before 7, which would be taken up as well. */
export function planSwap(container: ContainerInfo, port: number, where: Persistence, operationId: string): Swap {
  const names = [where.rdbFile, where.aofDirectory, where.aofFile].filter((name) => name !== undefined);
  return { container: container.id, port, directory: where.directory, aside: `.sutazai-restore-${operationId}`, names };
}

// POSIX sh. $1: the data directory, $2: the directory aside, then the names. A file `moved` marks that all old files are in `old`:
// from then on what has their names is not theirs.
const begin = `set -e -f
cd -- "$1"
aside=$2
shift 2
`;

const exchange = `${begin}
mkdir -p "$aside/old"
sync
for name in "$@"; do
  if [ -e "$name" ]; then mv -- "$name" "$aside/old/"; fi
done
: > "$aside/moved"
sync
for name in "$@"; do
  if [ -e "$aside/new/$name" ]; then mv -- "$aside/new/$name" ./; fi
done
sync
`;

const putBack = `${begin}
if [ -e "$aside/moved" ]; then
  for name in "$@"; do rm -rf -- "./$name"; done
  sync
  rm -- "$aside/moved"
  sync
fi
for name in "$@"; do
  if [ -e "$aside/old/$name" ]; then
    rm -rf -- "./$name"
    mv -- "$aside/old/$name" ./
  fi
done
sync
`;

const removeAside = `${begin}
rm -rf -- "$aside"
sync
`;

const removeNames = `${begin}
for name in "$@"; do rm -rf -- "./$name"; done
sync
`;

// The present content as `old`, ready to be put back: the RDB just saved and, for a server that reads an AOF, one that begins with it.
// $3: the RDB file, $4: the AOF directory or nothing, $5: the name of AOF files.
const keep = `set -e -f
cd -- "$1"
old=$2/old
mkdir -p "$old"
ln -- "$3" "$old/$3"
if [ -n "$4" ]; then
  mkdir "$old/$4"
  ln -- "$3" "$old/$4/$5.1.base.rdb"
  printf 'file %s seq 1 type b\\n' "$5.1.base.rdb" > "$old/$4/$5.manifest"
  owner=$(stat -c %u:%g -- "$3")
  chown -R "$owner" "$2"
fi
: > "$2/moved"
sync
`;

export function exchangeFiles(containers: ContainerRuntime, swap: Swap, signal: AbortSignal): Promise<void> {
  return run(containers, swap, exchange, swap.names, signal);
}

export function keepPresent(
  containers: ContainerRuntime,
  swap: Swap,
  { rdbFile, appendOnly, aofDirectory, aofFile }: Persistence,
  signal: AbortSignal,
): Promise<void> {
  const parameters = [rdbFile, appendOnly ? (aofDirectory ?? "") : "", aofFile];
  return run(containers, swap, keep, parameters, signal);
}

/** Removes files of the server that it must not find later. */
export function removeFiles(
  containers: ContainerRuntime,
  swap: Swap,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  return run(containers, swap, removeNames, names, signal);
}

/** Removes the directory aside, with whatever is in it. */
export async function recoverStaged(containers: ContainerRuntime, swap: Swap): Promise<void> {
  await run(containers, swap, removeAside, [], neverAborted());
}

/** Stops the server, puts the old files back in their places, starts it where it ran before. From whatever point it had got to. */
export async function undoSwap(containers: ContainerRuntime, swap: Swap): Promise<void> {
  await whenStoppable(containers, swap.container, swap.port);
  try {
    await containers.stop(swap.container, { journal: unrecorded, graceSeconds });
  } catch (error) {
    // Killed at the end of its grace: it has stopped all the same, and its files are about to be replaced.
    if (!(isBackupError(error) && error.reason === "timeout")) throw error;
  }
  await run(containers, swap, putBack, swap.names, neverAborted());
  if (swap.wasStopped !== true) await containers.start(swap.container);
}

/** Stopping within the undoing needs no record of its own: until it has started the server again, the record being undone stays. */
const unrecorded: JournalOperation = {
  id: "",
  record: (record) => Promise.resolve({ record, settle: () => Promise.resolve() }),
};

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

async function run(
  containers: ContainerRuntime,
  { container, directory, aside }: Swap,
  script: string,
  parameters: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { imageId } = await containers.inspect(container);
  const tool = await containers.sidecar({
    image: imageId,
    command: ["sh", "-c", script, "swap", directory, aside, ...parameters],
    purpose: "redis-swap",
    user: "0:0",
    volumesOf: container,
    signal,
  });
  await textOf(tool, { tool: "sh", operation: "redis.swap" });
}
