import {
  isBackupError,
  type Bytes,
  type ContainerRuntime,
  type Json,
  type JournalOperation,
} from "@sutazai/backup-core";
import { z } from "zod";
import { placeSchema, runAt, type Place } from "./place.ts";

export const stagedAction = "staged";
export const swappedAction = "swapped";

/** Before the daemon kills a service that is saving. One that takes no notice of SIGTERM is always killed. */
const graceSeconds = 60;

/** Where the files of a restore lie: a directory beside the present ones, on the same mount. In it, `new` and `old`. */
export interface Swap {
  readonly place: Place;
  readonly aside: string;
  /** Its service did not run before: undoing leaves it so. */
  readonly wasStopped?: boolean | undefined;
}

const schema: z.ZodType<Swap> = z.strictObject({
  place: placeSchema,
  aside: z.string(),
  wasStopped: z.boolean().optional(),
});

export function planSwap(place: Place, operationId: string, wasStopped = false): Swap {
  return { place, aside: `.sutazai-restore-${operationId}`, wasStopped };
}

export function swapOf(data: unknown): Swap {
  return schema.parse(data);
}

export function swapAsJson({ place, aside, wasStopped = false }: Swap): Json {
  return { place: { ...place }, aside, wasStopped };
}

// POSIX sh. $1: the directory, which cannot be renamed itself where it is a mount point; $2: the directory aside. `each FROM TO` moves every entry
// but the directory aside and what `mkfs` makes. A file `moved` marks that all old entries are in `old`: from then on what lies in the
// directory is not theirs.
const begin = `set -e
cd -- "$1"
aside=$2
each() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    case $entry in "./$aside"|./lost+found) continue ;; esac
    if [ "$2" = nowhere ]; then rm -rf -- "$entry"; else mv -f -- "$entry" "$2/"; fi
  done
}
like() { chown "$(stat -c %u:%g "$1")" "$2"; chmod "$(stat -c %a "$1")" "$2"; }
`;

const exchange = `${begin}
mkdir -p "./$aside/old"
like . "./$aside/old"
sync
each . "./$aside/old"
: > "./$aside/moved"
sync
each "./$aside/new" .
like "./$aside/new" .
sync
`;

const putBack = `${begin}
[ -d "./$aside/old" ] || exit 0
if [ -e "./$aside/moved" ]; then
  each . nowhere
  sync
  rm -- "./$aside/moved"
  sync
fi
each "./$aside/old" .
like "./$aside/old" .
sync
`;

const removeAside = `${begin}
rm -rf -- "./$aside"
sync
`;

/** Unpacks a tar, which must hold nothing that leads out of it, into `new` of the directory aside. */
export async function unpackAside(
  containers: ContainerRuntime,
  { place, aside }: Swap,
  tar: Bytes,
  signal: AbortSignal,
): Promise<void> {
  await runAt(place, containers, {
    purpose: "directory-stage",
    script: `cd -- "$1" && mkdir -p "$2/new" && exec tar -x -p -f - -C "$2/new"`,
    arguments: [place.directory, aside],
    writes: true,
    stdin: tar,
    signal,
  });
}

export function exchangeFiles(containers: ContainerRuntime, swap: Swap, signal: AbortSignal): Promise<void> {
  return run(containers, swap, exchange, signal);
}

/** Removes the directory aside, with whatever is in it. */
export function recoverStaged(containers: ContainerRuntime, swap: Swap): Promise<void> {
  return run(containers, swap, removeAside, neverAborted());
}

/** Puts the old files back in their places, the service stopped meanwhile. From whatever point the exchange had got to. */
export async function undoSwap(containers: ContainerRuntime, swap: Swap): Promise<void> {
  const { place, wasStopped } = swap;
  if (place.kind === "container") await stopTolerantly(containers, place.container, unrecorded);
  await run(containers, swap, putBack, neverAborted());
  if (place.kind === "container" && wasStopped !== true) await containers.start(place.container);
}

/** Stops the service. One that had to be killed has stopped all the same, and its files are about to be replaced; returns whether it was. */
export async function stopTolerantly(
  containers: ContainerRuntime,
  container: string,
  journal: JournalOperation,
): Promise<boolean> {
  try {
    await containers.stop(container, { journal, graceSeconds });
    return false;
  } catch (error) {
    if (isBackupError(error) && error.reason === "timeout" && error.details["exitCode"] === 137) return true;
    throw error;
  }
}

/** Stopping within the undoing needs no record of its own: until it has started the service again, the record being undone stays. */
const unrecorded: JournalOperation = {
  id: "",
  record: (record) => Promise.resolve({ record, settle: () => Promise.resolve() }),
};

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

async function run(
  containers: ContainerRuntime,
  { place, aside }: Swap,
  script: string,
  signal: AbortSignal,
): Promise<void> {
  await runAt(place, containers, {
    purpose: "directory-swap",
    script,
    arguments: [place.directory, aside],
    writes: true,
    signal,
  });
}
