import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  toBackupError,
  type ArtifactSource,
  type DatabaseAdapter,
  type DatabaseRestoreResult,
  type Fingerprint,
  type Manifest,
  type OpenOperation,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions as AdapterRestoreOptions,
} from "@sutazai/backup-core";
import { verifyStructure } from "@sutazai/backup-verifier";
import { openChosen } from "./choose.ts";
import { openContext, recovererOf, type SystemParts } from "./context.ts";
import { timeLimit } from "./limits.ts";
import { lockDatabase } from "./locks.ts";
import { progressOf } from "./progress.ts";
import type { RestoreOptions } from "./restore.ts";
import { tellEnd, tellStart, type Run } from "./run.ts";
import { takeBackup } from "./take-backup.ts";

/** The restore of one database; collects what the report will say, so that a failure can tell how far it had come. */
export class Restoration {
  readonly #parts: SystemParts;
  readonly #adapter: DatabaseAdapter;
  readonly #options: RestoreOptions;
  readonly #run: Run;
  #manifest: Manifest | undefined;
  #chosen: AdapterRestoreOptions | undefined;
  #safety: Manifest | undefined;
  #state: DatabaseRestoreResult["state"] = "untouched";
  #rollback: string | undefined;
  readonly #warnings = new Set<string>();

  constructor(parts: SystemParts, adapter: DatabaseAdapter, options: RestoreOptions, run: Run) {
    this.#parts = parts;
    this.#adapter = adapter;
    this.#options = options;
    this.#run = run;
  }

  async run(): Promise<DatabaseRestoreResult> {
    const startedAt = tellStart(this.#parts, this.#adapter).toISOString();
    const { name: database, kind } = this.#adapter;
    let outcome: Pick<DatabaseRestoreResult, "status" | "error" | "evidence" | "factsCompared">;
    try {
      const facts = await this.#restore();
      this.#note(facts.warnings);
      outcome = { status: "ok", evidence: facts.evidence, factsCompared: Object.keys(facts.expected).length };
    } catch (thrown) {
      const error = toBackupError(thrown, { database, operation: "restore" });
      outcome = { status: error.reason === "cancelled" ? "cancelled" : "failed", evidence: [], error: error.toJSON() };
    }
    const result: DatabaseRestoreResult = {
      database,
      kind,
      startedAt,
      endedAt: new Date().toISOString(),
      ...(this.#manifest !== undefined && { backup: this.#manifest.id }),
      ...(this.#chosen !== undefined && { form: this.#chosen.form, method: this.#chosen.method }),
      ...(this.#safety !== undefined && { safetyBackup: this.#safety.id }),
      ...(this.#rollback !== undefined && { rollback: this.#rollback }),
      state: this.#state,
      warnings: [...this.#warnings],
      ...outcome,
    };
    tellEnd(this.#parts, result);
    return result;
  }

  async #restore(): Promise<RestoreFacts> {
    const { name: database } = this.#adapter;
    using limit = timeLimit(this.#run.signal, this.#parts.timeoutMs, database);
    limit.signal.throwIfAborted();
    const progress = progressOf(this.#parts, database);
    await using recovery = await openContext(this.#parts);
    const operation = await this.#parts.journal.begin(
      { command: "restore", database },
      (record) => recovererOf(this.#parts, record),
      recovery,
    );
    const context: OperationContext = { ...recovery, signal: limit.signal, journal: operation, progress };

    const source = await this.#checkedSource(context);
    const chosen = this.#choose(source.manifest);
    const probe = await this.#adapter.probe(context);
    await using _lock = await lockDatabase(this.#parts, probe, {
      wait: this.#run.wait,
      signal: limit.signal,
    });
    const plan = await this.#adapter.planRestore(context, source.manifest, chosen);
    this.#note(plan.warnings);

    let facts: RestoreFacts;
    try {
      await this.#adapter.fence(context, chosen);
      if (this.#options.withoutSafetyBackup === true) {
        this.#warn("no safety backup was taken: what was there before is gone once this restore has succeeded");
      } else {
        progress({ step: "backing up the present state" });
        this.#safety = (
          await takeBackup(this.#parts, this.#adapter, context, { probe, runId: this.#run.runId, purpose: "safety" })
        ).manifest;
      }
      this.#state = "unsettled";
      facts = await this.#adapter.restore(context, source, chosen);
      assertEqual(facts, database);
      limit.signal.throwIfAborted();
      await operation.commit();
    } catch (error) {
      throw await this.#rollBack(operation, { ...context, signal: new AbortController().signal }, error);
    }
    // From the commit on there is no way back: what is left is clearing away, which a later `recover` could do as well.
    this.#state = "restored";
    progress({ step: "finishing" });
    await operation.close("finish");
    return facts;
  }

  async #checkedSource(context: OperationContext): Promise<ArtifactSource> {
    context.progress({ step: "checking the backup" });
    const chosen = await openChosen(this.#parts.store, this.#adapter.name, this.#options);
    const { source } = chosen;
    const { id } = source.manifest;
    if (source.manifest.kind !== this.#adapter.kind) {
      throw new BackupError(
        "unsupported",
        `backup ${id} holds a ${source.manifest.kind} database; ${this.#adapter.name} is ${this.#adapter.kind}`,
        {
          operation: "restore",
          hint: "choose a backup of the same kind (`sutazai-backup list`)",
        },
      );
    }
    this.#manifest = source.manifest;
    if (source.manifest.status === "partial") {
      this.#warn(`backup ${id} is partial: ${source.manifest.incomplete.join("; ")}`);
    }
    const integrity = await chosen.checkIntegrity(context.signal);
    const structure = await verifyStructure(
      {
        artifacts: source.manifest.artifacts,
        forms: source.manifest.forms,
        details: source.manifest.details,
        read: (name) => source.read(name),
      },
      this.#adapter,
      context.signal,
    );
    const problems = [...integrity.problems, ...structure.problems];
    if (problems.length > 0) {
      throw new BackupError("corrupt", `backup ${id} is damaged: ${problems.join("; ")}`, {
        operation: "restore.check",
        hint: "nothing was touched; choose another backup (`sutazai-backup list`)",
      });
    }
    return source;
  }

  #choose(manifest: Manifest): AdapterRestoreOptions {
    const { capabilities, name } = this.#adapter;
    const form = formOf(manifest, this.#options.form).name;
    const method = this.#options.method ?? capabilities.restoreMethods[0]?.name;
    const known = capabilities.restoreMethods.find((candidate) => candidate.name === method);
    if (known === undefined) {
      throw new BackupError("unsupported", `${name} has no restore method "${method}"`, {
        operation: "restore",
        hint: `it has: ${capabilities.restoreMethods.map((candidate) => candidate.name).join(", ")}`,
      });
    }
    if (known.fence === "none" && this.#options.unfenced !== true) {
      throw new BackupError(
        "unsupported",
        `writers of ${name} cannot be kept out during a restore by "${known.name}"`,
        {
          operation: "restore",
          hint: "stop whatever writes to it and say --unfenced",
        },
      );
    }
    if (this.#options.only !== undefined && !capabilities.restoresPart) {
      throw new BackupError("unsupported", `a part of ${name} cannot be restored on its own`, {
        operation: "restore",
        hint: "restore the whole, or into another container",
      });
    }
    this.#chosen = { form, method: known.name, only: this.#options.only };
    return this.#chosen;
  }

  /** Undoes everything of the operation and says what the database holds now. Returns what to throw. */
  async #rollBack(operation: OpenOperation, context: OperationContext, cause: unknown): Promise<BackupError> {
    const error = toBackupError(cause);
    const begun = this.#state === "unsettled";
    context.progress({ step: "rolling back" });
    try {
      await operation.close("undo");
    } catch (undoError) {
      this.#state = "unsettled";
      const { message } = toBackupError(undoError);
      const safety = this.#safety === undefined ? "" : `; the state before is in safety backup ${this.#safety.id}`;
      return new BackupError("restore-failed", `${error.message}; the rollback failed too: ${message}`, {
        hint: `mend what the message names, then run \`sutazai-backup recover\`${safety}`,
        cause,
      });
    }
    this.#state = begun ? "rolled-back" : "untouched";
    if (begun) this.#rollback = await this.#compareWithSafety(context, error);
    return error;
  }

  async #compareWithSafety(context: OperationContext, error: BackupError): Promise<string> {
    if (error.reason === "cancelled") return "not compared with the safety backup: cancelled";
    if (this.#safety === undefined) return "not compared: there is no safety backup";
    const form = formOf(this.#safety);
    try {
      const differences = compareFingerprints(form.fingerprint, await this.#adapter.fingerprint(context, form.name));
      return differences.length === 0
        ? `compared with safety backup ${this.#safety.id}: equal in ${Object.keys(form.fingerprint).length} facts`
        : `compared with safety backup ${this.#safety.id}: ${differences.length} facts differ (clients may have written since), ${describe(differences)}`;
    } catch (thrown) {
      return `could not be compared with safety backup ${this.#safety.id}: ${toBackupError(thrown).message}`;
    }
  }

  #note(warnings: readonly string[]): void {
    for (const warning of warnings) this.#warnings.add(warning);
  }

  #warn(message: string): void {
    this.#note([message]);
    this.#parts.emit({ type: "warning", at: new Date().toISOString(), database: this.#adapter.name, message });
  }
}

function assertEqual(
  { expected, fingerprint }: { readonly expected: Fingerprint; readonly fingerprint: Fingerprint },
  database: string,
): void {
  const differences = compareFingerprints(expected, fingerprint);
  if (differences.length === 0 && Object.keys(expected).length > 0) return;
  throw new BackupError("mismatch", `what was restored is not what was backed up: ${describe(differences)}`, {
    operation: "restore.validate",
    database,
    hint: "it was rolled back; verify the backup (`sutazai-backup verify`) and try another one",
    details: { differences: differences.length },
  });
}

function describe(differences: ReturnType<typeof compareFingerprints>): string {
  if (differences.length === 0) return "there was nothing to compare";
  const shown = differences.slice(0, 3).map(describeDifference).join("; ");
  return differences.length > 3 ? `${shown}; and ${differences.length - 3} more` : shown;
}
