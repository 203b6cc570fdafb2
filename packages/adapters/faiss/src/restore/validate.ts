import { shellAt, streamAt, type Place } from "@sutazai/backup-containers";
import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  isBackupError,
  textOf,
  type Fingerprint,
  type Manifest,
  type OperationContext,
} from "@sutazai/backup-core";
import { formName } from "../backup.ts";
import type { SetContent } from "../file-set.ts";
import { contentOf } from "../inspect.ts";
import type { SetRules } from "../options.ts";
import { readScript } from "../read-script.ts";
import { libraryVersion, pythonScript, unknownVersion } from "../version.ts";

const operation = "faiss.validate";

export function expectedOf(manifest: Manifest): Fingerprint {
  return formOf(manifest, formName).fingerprint;
}

/** Reads the set that now lies in the directory. `onlyHolding`: directories that are there for what the set leaves out, and are not of it. */
export async function readBack(
  { containers, signal }: OperationContext,
  place: Place,
  rules: SetRules,
  onlyHolding: readonly string[] = [],
): Promise<SetContent> {
  const tool = { purpose: "faiss-read", script: readScript(rules.excluded), arguments: [place.directory], signal };
  return contentOf(streamAt(place, containers, tool), rules, signal, onlyHolding);
}

export function assertSame(expected: Fingerprint, found: Fingerprint): void {
  const differences = compareFingerprints(expected, found);
  if (differences.length === 0) return;
  throw new BackupError(
    "mismatch",
    `the directory does not hold what the backup holds: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
    {
      operation,
      hint: "the restore is undone; see whether somebody else writes to the directory",
      details: { differences: differences.length },
    },
  );
}

/** After the service has started: indexes must be as they were; other files (logs, locks) may be the service's own business, and are named. */
export function changedSince(expected: Fingerprint, found: Fingerprint): string[] {
  const differences = compareFingerprints(expected, found);
  const indexes = differences.filter(({ fact }) => fact.startsWith("index:"));
  if (indexes.length > 0) {
    const isIndexFact = ([fact]: [string, unknown]) => fact.startsWith("index:");
    const only = (all: Fingerprint): Fingerprint => Object.fromEntries(Object.entries(all).filter(isIndexFact));
    assertSame(only(expected), only(found));
  }
  return differences.map(({ fact }) => fact).filter((fact) => fact.startsWith("file:"));
}

const loadProgram = `
import sys, faiss
for path in sys.argv[1:]:
    binary = open(path, "rb").read(2) == b"IB"
    index = (faiss.read_index_binary if binary else faiss.read_index)(path)
    print(index.ntotal, index.d)
`;

/** Arguments have a limit; a set has none. */
const pathsPerRun = 100;

/** Loads every whole index with the service's own FAISS. Says what that has proven; undefined where there is none for it. Throws `mismatch`. */
export async function assertLoads(
  { containers, signal, progress, logger }: OperationContext,
  place: Place,
  { indexes }: SetContent,
): Promise<string | undefined> {
  const version = await libraryVersion(place, containers, signal);
  const whole = [...indexes].filter(([, { state }]) => state !== "torn");
  if (version === unknownVersion || whole.length === 0) return undefined;
  progress({ step: "loading the indexes" });
  for (let from = 0; from < whole.length; from += pathsPerRun) {
    const some = whole.slice(from, from + pathsPerRun);
    const tool = await shellAt(place, containers, {
      purpose: "faiss-load",
      script: `cd -- "$1" && shift\n${pythonScript}`,
      arguments: [place.directory, loadProgram, ...some.map(([path]) => `./${path}`)],
      signal,
    });
    let lines: string[];
    try {
      lines = (await textOf(tool, { tool: "faiss.read_index", operation })).trim().split("\n");
    } catch (error) {
      const exit = await tool.exit.catch(() => undefined);
      if (exit?.outOfMemory === true) {
        logger.warn({ version }, "the indexes need more memory to be loaded than a sidecar may use");
        return undefined;
      }
      if (!isBackupError(error) || error.reason !== "tool-failed") throw error;
      throw new BackupError(
        "mismatch",
        `FAISS ${version} of the service cannot load a restored index: ${error.message}`,
        {
          operation,
          hint: "the restore is undone; the files are as they were backed up, so take an older backup",
          cause: error,
        },
      );
    }
    some.forEach(([path, { header }], at) => {
      const said = `${header?.vectors} ${header?.dimension}`;
      if (lines[at] === said) return;
      throw new BackupError(
        "mismatch",
        `${path} was loaded as ${lines[at]} (vectors, dimension), its header says ${said}`,
        {
          operation,
          hint: "the restore is undone; take another backup",
        },
      );
    });
  }
  return `every index was loaded by FAISS ${version}, with as many vectors as its header says`;
}
