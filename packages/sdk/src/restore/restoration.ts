import {
  BackupError,
  toBackupError,
  type ArtifactSource,
  type DatabaseAdapter,
  type DatabaseRestoreResult,
  type Manifest,
  type OpenOperation,
  type OperationContext,
  type RestoreFacts,
  type RestoreOptions as AdapterRestoreOptions,
  type Store,
} from "@sutazai/backup-core";
import { openChosen } from "./choose.ts";
import { openContext, recovererOf, type SystemParts } from "../context.ts";
import { endedBy } from "../ended-by.ts";
import { noteDuration } from "./expected-time.ts";
import { timeLimit } from "../limits.ts";
import { lockDatabase } from "../locks.ts";
import { progressOf } from "../progress.ts";
import { checkBackup, chooseWay, lookAt, warningsOf, withWayOut } from "./checks.ts";
import { assertEqual, compareWithSafety } from "./comparison.ts";
import type { RestoreOptions, RestoreTarget } from "./restore.ts";
import { tellEnd, tellStart, type Run } from "../run.ts";
import { takeSafetyBackup } from "./safety-backup.ts";
import { warn } from "../warn.ts";

/** The restore of one database; collects what the report will say, so that a failure can tell how far it had come. */
export class Restoration {
  readonly #parts: SystemParts;
  readonly #adapter: DatabaseAdapter;
  readonly #source: string;
  readonly #options: RestoreOptions;
  readonly #run: Run;
  #manifest: Manifest | undefined;
  #chosen: AdapterRestoreOptions | undefined;
  #safety: Manifest | undefined;
  #state: DatabaseRestoreResult["state"] = "untouched";
  #rollback: string | undefined;
  readonly #warnings = new Set<string>();

  constructor(parts: SystemParts, { adapter, source }: RestoreTarget, options: RestoreOptions, run: Run) {
    this.#parts = parts;
    this.#adapter = adapter;
    this.#source = source;
    this.#options = options;
    this.#run = run;
  }

  async run(): Promise<DatabaseRestoreResult> {
    const started = tellStart(this.#parts, this.#adapter);
    const { name: database, kind } = this.#adapter;
    if (this.#options.withoutSafetyBackup === true) this.#warn(withoutSafetyBackup);
    let outcome: Pick<DatabaseRestoreResult, "status" | "error" | "evidence" | "factsCompared">;
    try {
      const facts = await this.#restore(started);
      this.#note(facts.warnings);
      outcome = { status: "ok", evidence: facts.evidence, factsCompared: Object.keys(facts.expected).length };
    } catch (thrown) {
      const error = toBackupError(thrown, { database, operation: "restore" });
      outcome = { status: error.reason === "cancelled" ? "cancelled" : "failed", evidence: [], error: error.toJSON() };
    }
    const result: DatabaseRestoreResult = {
      database,
      kind,
      startedAt: started.toISOString(),
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

  async #restore(started: Date): Promise<RestoreFacts> {
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

    const store = endedBy(this.#parts.store, limit.signal);
    const source = await this.#checkedSource(store, context);
    const chosen = (this.#chosen = chooseWay(this.#adapter, source.manifest, this.#options));
    const probe = await lookAt(this.#adapter, context);
    this.#note(probe.warnings);
    await using _lock = await lockDatabase(this.#parts, probe, { wait: this.#run.wait, signal: limit.signal });
    const plan = await this.#adapter.planRestore(context, source.manifest, chosen).catch((thrown: unknown) => {
      throw withWayOut(thrown, probe);
    });
    this.#note(plan.warnings);

    let facts: RestoreFacts;
    try {
      await this.#adapter.fence(context, chosen);
      const fence = operation.records.length;
      if (this.#options.withoutSafetyBackup !== true) {
        progress({ step: "backing up the present state" });
        this.#safety = await takeSafetyBackup({ ...this.#parts, store }, this.#adapter, context, {
          probe,
          runId: this.#run.runId,
        });
        this.#tellSafety(this.#safety);
      }
      await operation.guard({ fence, backup: this.#safety?.id });
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
    await noteDuration(this.#parts, source.manifest, { into: database, started });
    return facts;
  }

  async #checkedSource(store: Store, context: OperationContext): Promise<ArtifactSource> {
    context.progress({ step: "checking the backup" });
    const chosen = await openChosen(store, this.#source, this.#options, this.#adapter);
    this.#manifest = chosen.source.manifest;
    for (const warning of [...chosen.passedOver, ...warningsOf(this.#manifest)]) this.#warn(warning);
    return checkBackup(chosen, this.#adapter, context);
  }

  /** A safety backup that is less than it should be is said at once: whoever watches can still cancel. */
  #tellSafety({ id, incomplete, warnings }: Manifest): void {
    for (const remark of [...incomplete, ...warnings]) this.#warn(`safety backup ${id}: ${remark}`);
  }

  /** Undoes everything of the operation and says what the database holds then, before anybody can write to it again. Returns what to throw. */
  async #rollBack(operation: OpenOperation, context: OperationContext, cause: unknown): Promise<BackupError> {
    const error = toBackupError(cause);
    const begun = this.#state === "unsettled";
    context.progress({ step: "rolling back" });
    try {
      await operation.undo(async () => {
        this.#rollback =
          error.reason === "cancelled"
            ? "not compared with the safety backup: cancelled"
            : (await compareWithSafety(this.#adapter, context, this.#safety)).told;
      });
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
    return error;
  }

  #note(warnings: readonly string[]): void {
    for (const warning of warnings) this.#warnings.add(warning);
  }

  #warn(message: string): void {
    this.#note([message]);
    warn(this.#parts, message, this.#adapter.name);
  }
}

const withoutSafetyBackup =
  "NO SAFETY BACKUP is taken: once this restore has succeeded, what is there now is gone for good";
