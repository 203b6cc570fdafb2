import { BackupError } from "@sutazai/backup-core";
import { z } from "zod";

/** Each includes those before it. */
export const verificationLevels = ["checksum", "structure", "restore"] as const;
export type VerificationLevel = (typeof verificationLevels)[number];

/** The rules that count, as settings and as policy: each keeps the newest backup of its last so many periods; 0 turns it off. */
export const countingRules = [
  "keepLast",
  "keepHourly",
  "keepDaily",
  "keepWeekly",
  "keepMonthly",
  "keepYearly",
] as const;
export type CountingRule = (typeof countingRules)[number];

/**
 * What may go, for one database. A backup stays as soon as one rule keeps it. Age is counted back from the newest proven backup, not
 * from now: where backups have stopped, nothing ages away.
 */
export interface RetentionPolicy extends Readonly<Record<CountingRule, number>> {
  /** Everything of the last so many days stays; 0 turns the rule off. */
  readonly days: number;
  /** Days that safety backups stay. The newest one stays whatever its age. */
  readonly safetyDays: number;
  /** Nothing goes until a newer backup has passed this level. */
  readonly level: VerificationLevel;
  /** Where hours, days, weeks (ISO, from Monday), months and years begin: `UTC`, `Europe/Berlin`. */
  readonly timeZone: string;
}

/** A policy as somebody sets it, in part. */
export type RetentionSettings = { readonly [Setting in keyof RetentionPolicy]?: RetentionPolicy[Setting] | undefined };

const defaults: RetentionPolicy = {
  days: 30,
  keepLast: 0,
  keepHourly: 0,
  keepDaily: 0,
  keepWeekly: 0,
  keepMonthly: 0,
  keepYearly: 0,
  safetyDays: 7,
  level: "structure",
  timeZone: "UTC",
};

const day = 24 * 3_600_000;

/**
 * Rules that fit how often backups are made, for where none is set: a month either way, and no more than its newest hours one by one.
 * The last backups count whatever their hour, so that one made by hand pushes none out.
 */
const rulesByInterval: readonly { readonly belowMs: number; readonly rules: RetentionSettings }[] = [
  { belowMs: 0.8 * day, rules: { days: 0, keepLast: 48, keepHourly: 48, keepDaily: 30 } },
  { belowMs: 3 * day, rules: { days: 30 } },
  { belowMs: Infinity, rules: { days: 90, keepLast: 12 } },
];

/** What is kept where no rule is set and backups are so many milliseconds apart; undefined: nobody knows when they are made. */
export function usualRetention(intervalMs: number | undefined): RetentionSettings {
  return rulesByInterval.find(({ belowMs }) => intervalMs !== undefined && intervalMs < belowMs)?.rules ?? {};
}

/** Whether it says how much is kept, be it nothing: what is usual does not hold then. */
export function setsRules(settings: RetentionSettings | undefined): boolean {
  return (["days", ...countingRules] as const).some((rule) => settings?.[rule] !== undefined);
}

const count = z.int().min(0).max(100_000);

export const retentionSettingsSchema: z.ZodType<RetentionSettings> = z.strictObject({
  days: count
    .optional()
    .describe(
      "Days that backups are kept, back from the newest proven one, 0: none; 30 where other rules alone are given, and where no rule is, what fits the schedule",
    ),
  keepLast: count.optional().describe("How many of the newest backups are kept whatever their age"),
  keepHourly: count.optional().describe("The newest backup of each hour, for so many hours that have one"),
  keepDaily: count.optional().describe("The newest backup of each day, for so many days that have one"),
  keepWeekly: count.optional().describe("The newest backup of each ISO week, for so many weeks that have one"),
  keepMonthly: count.optional().describe("The newest backup of each month, for so many months that have one"),
  keepYearly: count.optional().describe("The newest backup of each year, for so many years that have one"),
  safetyDays: count.optional().describe("Days that safety backups are kept; 7 unless given; the newest is kept anyway"),
  level: z
    .enum(verificationLevels)
    .optional()
    .describe("What a newer backup must have passed before an older one goes; structure unless given"),
  timeZone: z
    .string()
    .refine(isTimeZone, "a time zone like UTC or Europe/Berlin")
    .optional()
    .describe("Time zone in which days, weeks, months and years begin; UTC unless given"),
});

/**
 * One policy out of settings, the strongest last. Throws `configuration` for a setting that is unknown or out of range, and where no
 * rule is left that keeps anything.
 */
export function retentionPolicy(...settings: readonly (RetentionSettings | undefined)[]): RetentionPolicy {
  const given = Object.fromEntries(
    settings.flatMap((layer) => Object.entries(layer ?? {})).filter(([, value]) => value !== undefined),
  );
  const parsed = retentionSettingsSchema.safeParse(given);
  if (!parsed.success) {
    throw new BackupError("configuration", `retention: ${z.prettifyError(parsed.error)}`, {
      operation: "retention",
      hint: `known settings: ${Object.keys(defaults).join(", ")}`,
    });
  }
  const policy: RetentionPolicy = { ...defaults, ...(parsed.data as Partial<RetentionPolicy>) };
  if (policy.days === 0 && countingRules.every((rule) => policy[rule] === 0)) {
    throw new BackupError("configuration", "retention: no rule keeps anything: days is 0, and so is every other rule", {
      operation: "retention",
      hint: `set days, or one of ${countingRules.join(", ")}`,
    });
  }
  return policy;
}

/** Whether `passed` includes `level`. */
export function includesLevel(passed: VerificationLevel | undefined, level: VerificationLevel): boolean {
  return passed !== undefined && verificationLevels.indexOf(passed) >= verificationLevels.indexOf(level);
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
