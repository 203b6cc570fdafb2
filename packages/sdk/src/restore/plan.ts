import {
  formOf,
  toBackupError,
  type DatabaseAdapter,
  type Manifest,
  type OperationContext,
  type RestoreMethod,
  type SerializedError,
} from "@sutazai/backup-core";
import { openChosen } from "./choose.ts";
import { openContext, recovererOf, type SystemParts } from "../context.ts";
import { expectedTime, type ExpectedTime } from "./expected-time.ts";
import { timeLimit } from "../limits.ts";
import { progressOf } from "../progress.ts";
import { checkBackup, chooseWay, lookAt, warningsOf, withWayOut } from "./checks.ts";
import { targetsOf, type RestoreOptions, type RestoreTarget } from "./restore.ts";
import { plainBytes, storedBytes } from "../backup/take-backup.ts";
import { describeOperation } from "../unfinished.ts";

/** What a restore of one database would do. Sizes are bytes. */
export interface PlannedRestore {
  readonly database: string;
  readonly kind: string;
  /** What would be restored; absent where none was found. */
  readonly backup?: {
    readonly id: string;
    readonly database: string;
    readonly madeAt: string;
    readonly plainBytes: number;
    readonly storedBytes: number;
    readonly serverVersion: string;
    readonly facts: number;
  };
  readonly serverVersion?: string;
  readonly form?: string;
  readonly method?: string;
  readonly fence?: RestoreMethod["fence"];
  /** In order, everything that would be done. */
  readonly steps: readonly string[];
  /** Null where none would be taken. */
  readonly safetyBackup?: PlannedSafetyBackup | null;
  /** Absent where none was ever measured. */
  readonly expected?: ExpectedTime;
  readonly warnings: readonly string[];
  /** Why it would be refused. */
  readonly error?: SerializedError;
}

export interface PlannedSafetyBackup {
  /** Undefined where nothing tells. */
  readonly expectedBytes: number | undefined;
  /** What the store has room for; undefined where it cannot tell. */
  readonly freeBytes: number | undefined;
}

/**
 * What a restore with these options would do, checked as far as it can be without touching anything: every backup is read to its end, every server
 * looked at. What would be refused is data in the result.
 */
export async function planRestores(parts: SystemParts, options: RestoreOptions = {}): Promise<PlannedRestore[]> {
  const unfinished = (await parts.journal.list()).map((operation) => describeOperation(operation));
  const plans: PlannedRestore[] = [];
  for (const target of await targetsOf(parts, options)) {
    plans.push(await planOne(parts, target, options, unfinished));
  }
  return plans;
}

async function planOne(
  parts: SystemParts,
  target: RestoreTarget,
  options: RestoreOptions,
  unfinished: readonly string[],
): Promise<PlannedRestore> {
  const { name: database, kind } = target.adapter;
  let known: Partial<PlannedRestore> = {};
  try {
    using limit = timeLimit(options.signal ?? new AbortController().signal, parts.timeoutMs, database);
    await using recovery = await openContext(parts);
    const journal = await parts.journal.begin(
      { command: "plan", database },
      (record) => recovererOf(parts, record),
      recovery,
    );
    const context = { ...recovery, signal: limit.signal, journal, progress: progressOf(parts, database) };
    known = await examine(parts, target, options, context, (found) => (known = { ...known, ...found }));
  } catch (thrown) {
    known = { ...known, error: toBackupError(thrown, { database, operation: "restore" }).toJSON() };
  }
  return { database, kind, steps: [], ...known, warnings: [...unfinished, ...(known.warnings ?? [])] };
}

/** Tells what it finds as it finds it, so that what is refused late is shown with all that was found before. */
async function examine(
  parts: SystemParts,
  { adapter, source: name }: RestoreTarget,
  options: RestoreOptions,
  context: OperationContext,
  tell: (found: Partial<PlannedRestore>) => Partial<PlannedRestore>,
): Promise<Partial<PlannedRestore>> {
  const chosen = await openChosen(parts.store, name, options, adapter);
  const { manifest } = chosen.source;
  const warnings = [...chosen.passedOver, ...warningsOf(manifest)];
  tell({ backup: describeBackup(manifest), warnings });
  context.progress({ step: "checking the backup" });
  await checkBackup(chosen, adapter, context);
  const way = chooseWay(adapter, manifest, options);
  const method = adapter.capabilities.restoreMethods.find((candidate) => candidate.name === way.method);
  tell({ form: way.form, method: way.method, ...(method !== undefined && { fence: method.fence }) });

  context.progress({ step: "looking at the server" });
  const probe = await lookAt(adapter, context);
  tell({ serverVersion: probe.version });
  const plan = await adapter.planRestore(context, manifest, way).catch((thrown: unknown) => {
    throw withWayOut(thrown, probe);
  });
  const expected = await expectedTime(parts.store, manifest);
  const safetyBackup = options.withoutSafetyBackup === true ? null : await safetyBackupOf(parts, adapter, probe);
  return tell({
    steps: [
      ...(safetyBackup === null
        ? []
        : ["back up the present state, writers kept out where the method does so from the start"]),
      ...plan.steps,
    ],
    safetyBackup,
    ...(expected !== undefined && { expected }),
    warnings: [...warnings, ...probe.warnings, ...plan.warnings],
  });
}

function describeBackup(manifest: Manifest): NonNullable<PlannedRestore["backup"]> {
  const { id, database, endedAt, serverVersion } = manifest;
  return {
    id,
    database,
    madeAt: endedAt,
    plainBytes: plainBytes(manifest),
    storedBytes: storedBytes(manifest),
    serverVersion,
    facts: Object.keys(formOf(manifest).fingerprint).length,
  };
}

/** About as large as the newest backup of the same database, else what the server says of itself. */
async function safetyBackupOf(
  { store }: SystemParts,
  { name }: DatabaseAdapter,
  { sizeEstimate }: { readonly sizeEstimate: number | undefined },
): Promise<PlannedSafetyBackup> {
  const last = (await store.list(name)).flatMap(({ manifest }) => manifest ?? []).at(-1);
  return {
    expectedBytes: last === undefined ? sizeEstimate : storedBytes(last),
    freeBytes: await store.freeSpace(),
  };
}
