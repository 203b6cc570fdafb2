import {
  isBackupError,
  type Bytes,
  type ContainerRuntime,
  type Json,
  type JournalOperation,
} from "@sutazai/backup-core";
import { z } from "zod";
import { casePatterns, findNamed } from "./names.ts";
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
  /** Names, `*` and `?` allowed, of entries that are not part of the exchange, however deep they lie: they stay where they are. */
  readonly kept?: readonly string[] | undefined;
}

const schema: z.ZodType<Swap> = z.strictObject({
  place: placeSchema,
  aside: z.string(),
  wasStopped: z.boolean().optional(),
  kept: z.array(z.string()).optional(),
});

export function planSwap(place: Place, operationId: string, wasStopped = false, kept: readonly string[] = []): Swap {
  return { place, aside: `.sutazai-restore-${operationId}`, wasStopped, kept };
}

export function swapOf(data: unknown): Swap {
  return schema.parse(data);
}

export function swapAsJson({ place, aside, wasStopped = false, kept = [] }: Swap): Json {
  return { place: { ...place }, aside, wasStopped, kept: [...kept] };
}

// POSIX sh. $1: the directory, which cannot be renamed itself where it is a mount point; $2: the directory aside. `each FROM TO` moves every entry
// but the directory aside, what `mkfs` makes, and what is kept. A file `moved` marks that all old entries are in `old`: from then on what lies in the
// directory is not theirs.
const begin = ({ kept = [] }: Swap): string => `set -e
cd -- "$1"
aside=$2
each() {
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$entry" ] || [ -L "$entry" ] || continue
    case $entry in "./$aside"|./lost+found) continue ;; esac
    ${kept.length === 0 ? "" : `case \${entry##*/} in ${casePatterns(kept)}) continue ;; esac`}
    if [ "$2" = nowhere ]; then rm -rf -- "$entry"; else mv -f -- "$entry" "$2/"; fi
  done
}
like() { chown "$(stat -c %u:%g "$1")" "$2"; chmod "$(stat -c %a "$1")" "$2"; }
`;

// What is kept beneath the top goes away with the directory that it is in. `kept TREE ACTION` is find(1) over such entries; `carry HOW TREE TO` moves them to
// their places in another tree. A directory that is missing there is made (and told, a NUL behind it), or else what is in it is passed over.
const carrying = ({ kept = [] }: Swap): string =>
  kept.length === 0
    ? "carry() { :; }; kept() { :; }"
    : `kept() {
  tree=$1
  shift
  (cd -- "$tree" && find . -path "./$aside" -prune -o ! -path . ${findNamed(kept)} -prune -path './*/*' "$@")
}
carry() {
  to=$(cd -- "$3" && pwd -P)
  kept "$2" -exec sh -c '
    to=$1
    shift
    reach() {
      [ "$1" = . ] && return 0
      reach "\${1%/*}" || return 1
      [ -d "$to/$1" ] && [ ! -L "$to/$1" ] && return 0
      [ "$0" = make ] && mkdir -- "$to/$1" && chown "$(stat -c %u:%g "$1")" "$to/$1" &&
        chmod "$(stat -c %a "$1")" "$to/$1" && printf "%s\\0" "\${1#./}"
    }
    for entry; do
      if reach "\${entry%/*}"; then mv -f -- "$entry" "$to/\${entry%/*}/" || exit 1
      elif [ "$0" = make ]; then exit 1
      fi
    done' "$1" "$to" {} +
}`;

const exchange = (swap: Swap): string => `${begin(swap)}${carrying(swap)}
mkdir -p "./$aside/old"
like . "./$aside/old"
sync
each . "./$aside/old"
: > "./$aside/moved"
sync
each "./$aside/new" .
like "./$aside/new" .
carry make "./$aside/old" .
left=$(kept "./$aside/old" -print)
[ -z "$left" ] || { echo "what is to stay has no place among the new files: $left" >&2; exit 1; }
sync
`;

const putBack = (swap: Swap): string => `${begin(swap)}${carrying(swap)}
[ -d "./$aside/old" ] || exit 0
if [ -e "./$aside/moved" ]; then
  carry pass . "./$aside/old"
  each . nowhere
  sync
  rm -- "./$aside/moved"
  sync
fi
each "./$aside/old" .
like "./$aside/old" .
sync
`;

const removeAside = (swap: Swap): string => `${begin(swap)}
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

/** Returns the directories that were made only because something that is kept lies in them. */
export async function exchangeFiles(
  containers: ContainerRuntime,
  swap: Swap,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return (await run(containers, swap, exchange(swap), signal)).split("\0").slice(0, -1);
}

/** Removes the directory aside, with whatever is in it. */
export async function recoverStaged(containers: ContainerRuntime, swap: Swap): Promise<void> {
  await run(containers, swap, removeAside(swap), neverAborted());
}

/** Puts the old files back in their places, the service stopped meanwhile. From whatever point the exchange had got to. */
export async function undoSwap(containers: ContainerRuntime, swap: Swap): Promise<void> {
  const { place, wasStopped } = swap;
  if (place.kind === "container") await stopTolerantly(containers, place.container, unrecorded);
  await run(containers, swap, putBack(swap), neverAborted());
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
): Promise<string> {
  return runAt(place, containers, {
    purpose: "directory-swap",
    script,
    arguments: [place.directory, aside],
    writes: true,
    signal,
  });
}
