import { shellAt, type Place } from "@sutazai/backup-containers";
import { BackupError, textOf, type OperationContext } from "@sutazai/backup-core";
import type { SetContent } from "./file-set.ts";
import { libraryVersion, pythonScript, unknownVersion } from "./version.ts";

const operation = "faiss.search";

/** Arguments have a limit; a set has none. */
const pathsPerRun = 100;

// The same queries every time, made up from the dimension. Distances to the last bit.
const program = `
import sys, faiss, numpy
faiss.omp_set_num_threads(1)
for path in sys.argv[1:]:
    binary = open(path, "rb").read(2) == b"IB"
    index = (faiss.read_index_binary if binary else faiss.read_index)(path)
    random = numpy.random.RandomState(index.d)
    if index.ntotal == 0 or not index.is_trained:
        print("empty")
        continue
    queries = random.randint(0, 256, (3, index.d // 8)).astype("uint8") if binary else random.rand(3, index.d).astype("float32")
    distances, ids = index.search(queries, min(5, index.ntotal))
    print(ids.tolist(), [[float(value).hex() for value in row] for row in distances])
`;

/** What every whole index answers to the same three queries, in the order of their paths: ids and distances. Undefined where the image has no FAISS for Python. */
export async function search(
  { containers, signal, progress }: OperationContext,
  place: Place,
  { indexes }: SetContent,
): Promise<ReadonlyMap<string, string> | undefined> {
  if ((await libraryVersion(place, containers, signal)) === unknownVersion) return undefined;
  progress({ step: "searching the indexes" });
  const paths = [...indexes].filter(([, { state }]) => state !== "torn").map(([path]) => path);
  const answers = new Map<string, string>();
  for (let from = 0; from < paths.length; from += pathsPerRun) {
    const some = paths.slice(from, from + pathsPerRun);
    const tool = await shellAt(place, containers, {
      purpose: "search",
      script: `cd -- "$1" && shift\n${pythonScript}`,
      arguments: [place.directory, program, ...some.map((path) => `./${path}`)],
      signal,
    });
    const lines = (await textOf(tool, { tool: "faiss.search", operation })).trim().split("\n");
    for (const [at, path] of some.entries()) answers.set(path, lines[at] ?? "");
  }
  return answers;
}

/** Throws `mismatch`, naming the first index that answers otherwise than before. */
export function assertSameAnswers(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): void {
  for (const [path, answer] of before) {
    if (now.get(path) === answer) continue;
    throw new BackupError("mismatch", `the index ${path} answers the same queries otherwise than before`, {
      operation,
      hint: "its file is as it was: look at the library that reads it",
    });
  }
}
