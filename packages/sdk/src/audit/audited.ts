import {
  newId,
  toBackupError,
  toJson,
  type EventListener,
  type Json,
  type Outcome,
  type SerializedError,
} from "@sutazai/backup-core";
import type { BackupSystem } from "../system.ts";
import type { AuditedAction, AuditFacts, AuditLog } from "./audit-log.ts";

export interface Auditing {
  readonly log: AuditLog;
  /** The settings that the system works with, without secrets; noted where they have changed. */
  readonly settings?: Json | undefined;
  /** Of the first run; the further ones get ids of their own. */
  readonly runId?: string | undefined;
  readonly emit: EventListener;
}

interface Ended {
  readonly outcome: Outcome;
  readonly databases?: readonly string[];
  readonly details: Json;
}

/** Writes down who does what with a system, before it is begun and once it has ended. A log that cannot be written is told, and stops nothing. */
export class Auditor {
  readonly #log: AuditLog;
  readonly #emit: EventListener;
  #settings: Json | undefined;
  #firstRunId: string | undefined;

  constructor({ log, settings, runId, emit }: Auditing) {
    this.#log = log;
    this.#emit = emit;
    this.#settings = settings;
    this.#firstRunId = runId;
  }

  async note(facts: AuditFacts): Promise<void> {
    try {
      const settings = this.#settings;
      this.#settings = undefined;
      if (settings !== undefined) await this.#log.appendSettings(settings, facts.runId);
      await this.#log.append(facts);
    } catch (error) {
      const message = `the audit log could not be written: ${toBackupError(error).message}`;
      this.#emit({ type: "warning", at: new Date().toISOString(), message });
    }
  }

  async audit<Result>(
    action: AuditedAction,
    { databases = [], details = null }: { readonly databases?: readonly string[] | undefined; readonly details?: Json },
    work: (runId: string) => Promise<Result>,
    endOf: (result: Result) => Ended,
  ): Promise<Result> {
    const runId = this.nextRunId();
    await this.note({ action, databases, outcome: "begun", runId, details });
    let result: Result;
    try {
      result = await work(runId);
    } catch (thrown) {
      const error = toBackupError(thrown);
      const outcome = error.reason === "cancelled" ? "cancelled" : "failed";
      await this.note({ action, databases, outcome, runId, details: toJson({ error: briefly(error) }) });
      throw thrown;
    }
    await this.note({ action, databases, runId, ...endOf(result) });
    return result;
  }

  nextRunId(): string {
    const runId = this.#firstRunId ?? newId();
    this.#firstRunId = undefined;
    return runId;
  }
}

/** The same system; whatever changes or proves something is in the audit log. */
export function audited(system: BackupSystem, auditor: Auditor): BackupSystem {
  return {
    ...system,
    backup: (options) =>
      auditor.audit(
        "backup",
        { databases: options?.databases },
        (runId) => system.backup({ runId, ...options }),
        ({ status, databases }) => ({
          outcome: status,
          databases: databases.map(({ database }) => database),
          details: toJson(
            databases.map(({ status, backup, error }) => ({ status, backup: backup?.id, error: briefly(error) })),
          ),
        }),
      ),
    restore: (options) =>
      auditor.audit(
        "restore",
        { databases: options?.databases, details: toJson(asked(options)) },
        (runId) => system.restore({ runId, ...options }),
        ({ status, databases }) => ({
          outcome: status,
          databases: databases.map(({ database }) => database),
          details: toJson(
            databases.map(({ status, backup, safetyBackup, state, error }) => {
              return { status, backup, safetyBackup, state, error: briefly(error) };
            }),
          ),
        }),
      ),
    drill: (options) =>
      auditor.audit(
        "drill",
        { databases: options?.databases },
        (runId) => system.drill({ runId, ...options }),
        ({ status, databases }) => ({
          outcome: status,
          databases: databases.map(({ database }) => database),
          details: toJson(
            databases.map(({ verdict, backup, error }) => ({ verdict, backup: backup?.id, error: briefly(error) })),
          ),
        }),
      ),
    verify: (options) =>
      auditor.audit(
        "verify",
        { databases: options?.databases, details: toJson({ level: options?.level, backup: options?.backup }) },
        () => system.verify(options),
        (results) => {
          const damaged = results.filter(({ ok }) => !ok).map(({ id }) => id);
          return {
            outcome: damaged.length === 0 ? "ok" : "failed",
            details: toJson({ backups: results.length, damaged }),
          };
        },
      ),
    verifyLog: (options) =>
      auditor.audit(
        "verify",
        { details: toJson({ log: true, accept: options?.accept ?? false }) },
        () => system.verifyLog(options),
        ({ ok, entries, head, problems }) => {
          return { outcome: ok ? "ok" : "failed", details: toJson({ entries, head, problems }) };
        },
      ),
    prune: (options) =>
      options?.dryRun === true
        ? system.prune(options)
        : auditor.audit(
            "prune",
            {
              databases: options?.databases,
              details: toJson({ rules: options?.rules, allowUnusual: options?.allowUnusual }),
            },
            (runId) => system.prune({ runId, ...options }),
            ({ status, databases }) => ({
              outcome: status,
              databases: databases.map(({ database }) => database),
              details: toJson(databases.map(({ deleted, error }) => ({ deleted, error: briefly(error) }))),
            }),
          ),
    pin: (id, options) =>
      auditor.audit(
        "pin",
        { details: { backup: id, reason: options.reason } },
        () => system.pin(id, options),
        () => ({ outcome: "ok", details: { backup: id } }),
      ),
    unpin: (id, options) =>
      auditor.audit(
        "unpin",
        { details: { backup: id } },
        () => system.unpin(id, options),
        (pin) => ({ outcome: "ok", details: toJson({ backup: id, lifted: pin?.reason ?? null }) }),
      ),
    recover: () =>
      auditor.audit(
        "recover",
        {},
        () => system.recover(),
        ({ operations, removed }) => ({
          outcome: operations.every(({ error }) => error === undefined) ? "ok" : "failed",
          databases: [...new Set(operations.map(({ operation }) => operation.database))],
          details: toJson({
            operations: operations.map(({ operation, outcome }) => [operation.command, outcome]),
            removed,
          }),
        }),
      ),
    unlock: () =>
      auditor.audit(
        "unlock",
        {},
        () => system.unlock(),
        ({ store, databases }) => {
          return { outcome: "ok", databases, details: toJson({ store: store.map(({ holder }) => holder) }) };
        },
      ),
  };
}

/** Of a restore: from what, into what, and what it was told to do without. */
function asked(options: Parameters<BackupSystem["restore"]>[0]): object {
  const { backup, file, into, form, method, only, exact, withoutSafetyBackup, unfenced } = options ?? {};
  return { backup, file, into, form, method, only, exact, withoutSafetyBackup, unfenced };
}

/** Without the details, which may be long. */
function briefly(error: Pick<SerializedError, "reason" | "message"> | undefined): object | undefined {
  return error === undefined ? undefined : { reason: error.reason, message: error.message };
}
