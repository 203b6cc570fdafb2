import { newId, toBackupError, type DatabaseAdapter, type SerializedError } from "@sutazai/backup-core";
import { mapWithLimit } from "../limits.ts";
import { madeBy } from "../version.ts";
import { fail, layers, skip, type Check, type CheckStatus, type Finding, type Layer } from "./check.ts";
import { unmet } from "./prerequisites.ts";
import { Subject, type SubjectOptions } from "./subject.ts";
import { checks as allChecks } from "./table.ts";

export interface SelfTestOptions extends Omit<SubjectOptions, "now" | "signal"> {
  /** Touch nothing: neither the store nor a server, no message. */
  readonly dryRun?: boolean;
  /** Send a test message through every channel. */
  readonly notify?: boolean;
  readonly signal?: AbortSignal;
  /** Called as each check ends. */
  readonly onResult?: (result: CheckResult) => void;
  readonly now?: Date;
  /** What is checked; everything unless given. */
  readonly checks?: readonly Check[];
}

export interface CheckResult extends Finding {
  readonly id: string;
  readonly layer: Layer;
  readonly title: string;
  /** Null for a check of the whole. */
  readonly database: string | null;
  readonly ms: number;
}

/** What `test` found. Documented in `docs/cli-json.md`. */
export interface SelfTestReport {
  readonly report: "self-test";
  readonly version: 1;
  readonly id: string;
  readonly madeBy: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly dryRun: boolean;
  /** `failed` as soon as one check failed; `cancelled` where not all could be made. */
  readonly status: "ok" | "failed" | "cancelled";
  readonly counts: Readonly<Record<CheckStatus, number>>;
  readonly damaged: boolean;
  /** By layer. */
  readonly checks: readonly CheckResult[];
}

const usualLimitMs = 20_000;
const atOnce = 8;

/**
 * Looks whether everything is as it must be for backups and restores to succeed. Checks never end it: what one throws, or does not say in
 * time, is a failure of that check; what could not be looked at is skipped with the reason, and never passes.
 */
export async function runSelfTest(options: SelfTestOptions): Promise<SelfTestReport> {
  const startedAt = options.now ?? new Date();
  const signal = options.signal ?? new AbortController().signal;
  const subject = new Subject({ ...options, now: startedAt, signal });
  const databases = await subject.opened().then(
    ({ config }) => config.adapters,
    () => [],
  );
  const table = options.checks ?? allChecks;
  const planned = table.flatMap((check) => rowsOf(check, databases));
  const make = async (row: Row): Promise<CheckResult> => {
    const result = await makeCheck(row, subject, options, signal);
    options.onResult?.(result);
    return result;
  };
  const results = await mapWithLimit(
    planned.filter(({ check }) => check.alone !== true),
    atOnce,
    make,
  );
  for (const row of planned.filter(({ check }) => check.alone === true)) results.push(await make(row));
  const order = (result: CheckResult) => layers.indexOf(result.layer);
  const place = new Map(table.map(({ id }, index) => [id, index]));
  const checks = results.sort((a, b) => order(a) - order(b) || (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  const count = (status: CheckStatus) => checks.filter((check) => check.status === status).length;
  const counts = { pass: count("pass"), warn: count("warn"), fail: count("fail"), skip: count("skip") };
  return {
    report: "self-test",
    version: 1,
    id: newId(startedAt),
    madeBy,
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    dryRun: options.dryRun ?? false,
    status: signal.aborted ? "cancelled" : counts.fail > 0 ? "failed" : "ok",
    counts,
    damaged: checks.some(({ isDamage }) => isDamage === true),
    checks,
  };
}

interface Row {
  readonly check: Check;
  readonly database: DatabaseAdapter | undefined;
}

/** A check of databases is made of each; where there is none, it is still in the report. */
function rowsOf(check: Check, databases: readonly DatabaseAdapter[]): Row[] {
  if (check.each === undefined || databases.length === 0) return [{ check, database: undefined }];
  return databases.map((database) => ({ check, database }));
}

async function makeCheck(
  { check, database }: Row,
  subject: Subject,
  options: SelfTestOptions,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { id, layer, title } = check;
  const startedAt = performance.now();
  const finding = leftOut(check, options, signal) ?? (await found({ check, database }, subject, signal));
  const ms = Math.round(performance.now() - startedAt);
  return { id, layer, title, database: database?.name ?? null, ...finding, ms };
}

function leftOut({ effect }: Check, { dryRun, notify }: SelfTestOptions, signal: AbortSignal): Finding | undefined {
  if (signal.aborted) return skip("cancelled before it was looked at");
  if (effect !== undefined && dryRun === true) return skip(`a dry run touches nothing: it ${effect}`);
  return effect === "sends" && notify !== true ? skip("nothing is sent without --notify") : undefined;
}

async function found({ check, database }: Row, subject: Subject, outer: AbortSignal): Promise<Finding> {
  const needs = [...(check.each === undefined ? [] : (["databases"] as const)), ...(check.needs ?? [])];
  using limit = startLimit(await limitOf(check, subject));
  const signal = AbortSignal.any([outer, limit.signal]);
  try {
    const made = (async () => {
      const reason = await unmet(needs, subject, database);
      if (reason !== undefined) return skip(reason);
      if (check.each === undefined) return check.run(subject, signal);
      return database === undefined ? skip("no database is known") : check.run(subject, database, signal);
    })();
    return await Promise.race([made, limit.over, aborted(outer)]);
  } catch (thrown) {
    if (outer.aborted) return skip("cancelled before it had said anything");
    return failed(toBackupError(thrown).toJSON());
  }
}

/** What a thrown error says of a check. */
function failed({ reason, message, hint }: SerializedError): Finding {
  return fail(`${reason}: ${message}`, hint ?? "see what the message names, and test again");
}

async function limitOf({ limit = usualLimitMs }: Check, subject: Subject): Promise<number> {
  if (limit !== "database") return limit;
  return subject.opened().then(
    ({ config }) => config.settings.timeout,
    () => usualLimitMs,
  );
}

interface Limit extends Disposable {
  readonly signal: AbortSignal;
  readonly over: Promise<Finding>;
}

/** Also a check that does not listen to its signal is over then. */
function startLimit(ms: number): Limit {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const timer = setTimeout(() => {
    resolve(
      fail(`nothing was found out within ${ms / 1000} s`, "see whether the machine or the disk is overloaded or hangs"),
    );
    controller.abort();
  }, ms);
  return { signal: controller.signal, over: promise, [Symbol.dispose]: () => clearTimeout(timer) };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
