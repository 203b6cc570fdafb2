import { shellAt, type Place } from "@sutazai/backup-containers";
import { BackupError, isBackupError, textOf, type OperationContext } from "@sutazai/backup-core";
import { z } from "zod";
import type { IndexNeighbours } from "./details.ts";
import type { SetContent } from "./file-set.ts";
import { libraryVersion, pythonScript, unknownVersion } from "./version.ts";

const operation = "faiss.search";

/** Arguments have a limit; a set has none. */
const pathsPerRun = 100;
/** A backup has the first so many indexes searched, and of these no more bytes than this: it is to stay a copy of files. */
const mostRecorded = pathsPerRun;
const mostRecordedBytes = 256 * 1024 * 1024;

/** Distances are float32 sums: their order of addition, and so their last digits, are a matter of the processor. */
const tolerance = 1e-4;

// One line of JSON for each path: the digest of the file, and what is near three vectors that are in it, or for an index that does not give its vectors back,
// near three that are made up from its dimension. `found` is null for what cannot be searched, and for types (FastScan, RaBitQ, …) whose distances
// are coarse enough for a last digit to change the neighbours. Lists are searched as a whole and graphs widely, so that no near tie decides. Each in a process
// of its own: some searches that are not supported end theirs.
const program = `
import sys, os, json, math, hashlib, faiss, numpy
faiss.omp_set_num_threads(1)
steady = ["Index" + name for name in "Flat FlatL2 FlatIP Flat1D IDMap IDMap2 PreTransform ScalarQuantizer PQ HNSW HNSWFlat HNSWSQ HNSWPQ IVFFlat IVFFlatDedup IVFScalarQuantizer Refine RefineFlat BinaryFlat".split()]

def layers(index):
    while index is not None:
        yield index
        names = [name for name in ("index", "base_index") if hasattr(index, name)]
        index = faiss.downcast_index(getattr(index, names[0])) if names else None

def vectors(index, binary):
    own = index
    while type(own).__name__.startswith("IndexIDMap"): own = faiss.downcast_index(own.index)
    at = sorted({0, index.ntotal // 2, index.ntotal - 1})
    try:
        for layer in layers(own):
            if hasattr(layer, "make_direct_map"): layer.make_direct_map()
        return numpy.stack([own.reconstruct(position) for position in at])
    except Exception:
        random = numpy.random.RandomState(index.d)
        return random.randint(0, 256, (3, index.d // 8)).astype("uint8") if binary else random.rand(3, index.d).astype("float32")

def search(path, binary):
    index = (faiss.read_index_binary if binary else faiss.read_index)(path)
    within = [index] if binary else list(layers(index))
    if index.ntotal == 0 or not index.is_trained or not all(type(layer).__name__ in steady for layer in within): return None
    queries = vectors(index, binary)
    for layer in within:
        if hasattr(layer, "nprobe"): layer.nprobe = layer.nlist
        if hasattr(layer, "hnsw"): layer.hnsw.efSearch = 256
    distances, ids = index.search(queries, min(5, index.ntotal))
    found = [[{"id": str(id), "score": float(distance)} for id, distance in zip(*row) if id >= 0] for row in zip(ids, distances)]
    return found if all(math.isfinite(each["score"]) for row in found for each in row) else None

def answer(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        binary = file.read(2) == b"IB"
        file.seek(0)
        for chunk in iter(lambda: file.read(1 << 20), b""): digest.update(chunk)
    return {"sha256": digest.hexdigest(), "found": search(path, binary)}

left = float(sys.argv[1])
for path in sys.argv[2:]:
    left -= os.path.getsize(path) if os.path.exists(path) else 0
    child = os.fork() if left >= 0 else None
    if child == 0:
        print(json.dumps(answer(path)), flush=True)
        os._exit(0)
    if child is None or os.waitpid(child, 0)[1] != 0: print(json.dumps({"sha256": "", "found": None}), flush=True)
`;

const answerSchema = z.object({
  sha256: z.string(),
  found: z.array(z.array(z.object({ id: z.string(), score: z.number() }))).nullable(),
});

type Answer = z.infer<typeof answerSchema>;

/** What the indexes at these paths answer, by the image's own FAISS for Python; undefined where it has none. Throws `tool-failed`, also for want of memory. */
async function search(
  { containers, signal, progress }: OperationContext,
  place: Place,
  paths: readonly string[],
  mostBytes: number = Infinity,
): Promise<ReadonlyMap<string, Answer> | undefined> {
  if (paths.length === 0 || (await libraryVersion(place, containers, signal)) === unknownVersion) return undefined;
  progress({ step: "searching the indexes" });
  const answers = new Map<string, Answer>();
  for (let from = 0; from < paths.length; from += pathsPerRun) {
    const some = paths.slice(from, from + pathsPerRun);
    const tool = await shellAt(place, containers, {
      purpose: "faiss-search",
      script: `cd -- "$1" && shift\n${pythonScript}`,
      arguments: [place.directory, program, String(mostBytes).toLowerCase(), ...some.map((path) => `./${path}`)],
      signal,
    });
    const lines = (await textOf(tool, { tool: "faiss.search", operation })).trim().split("\n");
    for (const [at, path] of some.entries()) answers.set(path, answerIn(lines[at] ?? ""));
  }
  return answers;
}

function answerIn(line: string): Answer {
  const parsed = answerSchema.safeParse(parseJson(line));
  if (parsed.success) return parsed.data;
  throw new BackupError("tool-failed", `faiss.search answered ${JSON.stringify(line.slice(0, 100))}`, { operation });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whole indexes of a set. */
function searchable({ indexes }: SetContent): string[] {
  return [...indexes].filter(([, { state }]) => state !== "torn").map(([path]) => path);
}

/** What some of the captured indexes answer, for whoever restores them. Only of files that are still as they were captured. */
export async function recordNeighbours(
  context: OperationContext,
  place: Place,
  content: SetContent,
): Promise<{ readonly neighbours: readonly IndexNeighbours[]; readonly warnings: readonly string[] }> {
  const paths = searchable(content).slice(0, mostRecorded);
  try {
    const answers = await search(context, place, paths, mostRecordedBytes);
    const neighbours = [...(answers ?? [])].flatMap(([path, { sha256, found }]) => {
      const captured = content.fingerprint[`index:${path}/digest`];
      const isCaptured = captured !== undefined && "exact" in captured && captured.exact === sha256;
      return isCaptured && found !== null ? [{ path, found }] : [];
    });
    return { neighbours, warnings: [] };
  } catch (error) {
    // The files are captured: that they could not be searched as well takes nothing away from them.
    if (!isToolFailure(error)) throw error;
    return { neighbours: [], warnings: [`the neighbours of stored vectors were not recorded: ${error.message}`] };
  }
}

/** Has the indexes asked again. Says what that has proven, in words; undefined where nothing could be compared. Throws `mismatch`. */
export async function compareNeighbours(
  context: OperationContext,
  place: Place,
  content: SetContent,
  recorded: readonly IndexNeighbours[],
): Promise<string | undefined> {
  const whole = searchable(content);
  const known = new Map(recorded.filter(({ path }) => whole.includes(path)).map(({ path, found }) => [path, found]));
  const answers = await search(context, place, [...known.keys()]).catch((error: unknown) => {
    if (!isToolFailure(error) || error.details["outOfMemory"] !== true) throw error;
    context.logger.warn({ indexes: known.size }, "the indexes need more memory to be searched than a sidecar may use");
    return undefined;
  });
  if (answers === undefined) return undefined;
  for (const [path, { found }] of answers) {
    const before = known.get(path) ?? [];
    if (found !== null && before.every((near, at) => areAlike(near, found[at] ?? []))) continue;
    throw new BackupError("mismatch", `the index ${path} has other neighbours of the same vectors than in the backup`, {
      operation,
      hint: "its file is as it was: look at the library that reads it",
    });
  }
  const others = whole.filter((path) => !known.has(path));
  const named = `${others.slice(0, 5).join(", ")}${others.length > 5 ? `, and ${others.length - 5} more` : ""}`;
  return `neighbours of stored vectors as they were when backed up, in ${known.size} of ${whole.length} indexes${others.length === 0 ? "" : ` (none were recorded of ${named})`}`;
}

function isToolFailure(error: unknown): error is BackupError {
  return isBackupError(error) && error.reason === "tool-failed";
}

type Near = IndexNeighbours["found"][number];

/** Whether the same are near, in the same distances. Those at equal distance may change places. */
export function areAlike(one: Near, other: Near): boolean {
  if (one.length !== other.length) return false;
  const scale = Math.max(1, ...[...one, ...other].map(({ score }) => Math.abs(score)));
  const isNear = (a: number, b: number) => Math.abs(a - b) <= tolerance * scale;
  if (!one.every(({ score }, at) => isNear(score, other[at]?.score ?? Number.NaN))) return false;
  const last = one.at(-1)?.score ?? 0;
  const ids = new Set(other.map(({ id }) => id));
  // Behind the last one there may be others just as near.
  return one.every(({ id, score }) => ids.has(id) || isNear(score, last));
}
