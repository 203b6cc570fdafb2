import type { Budgets, Thresholds } from "@sutazai/backup-reporter";
import { z } from "zod";
import { durationFrom } from "../config/amounts.ts";

/** What is expected of databases, and from what on a backup is suspicious. Durations in milliseconds. */
export interface BudgetSettings {
  readonly rpo?: number | undefined;
  readonly rto?: number | undefined;
  readonly drill?: number | undefined;
  readonly small?: number | undefined;
  readonly large?: number | undefined;
  readonly slow?: number | undefined;
}

/** The same as a configuration file holds it. */
export type BudgetConfig = {
  readonly [Name in keyof BudgetSettings]?:
    | (Name extends "rpo" | "rto" | "drill" ? string | number : number)
    | undefined;
};

const times = z.number().positive();

export const budgetSettingsSchema: z.ZodType<BudgetSettings, BudgetConfig> = z.strictObject({
  rpo: durationFrom(1)
    .optional()
    .describe(
      "How old a last good backup may be: 25h; one and a half times between two scheduled backups unless given, and at most an hour more",
    ),
  rto: durationFrom(1).optional().describe("How long a restore may take; 30m unless given"),
  drill: durationFrom(1).optional().describe("How old a last proven drill may be; 32d unless given"),
  small: times
    .max(1)
    .optional()
    .describe("A backup is suspicious that holds at most so many times what is usual; 0.4 unless given"),
  large: times
    .min(1)
    .optional()
    .describe("A backup is unusual that holds more than so many times what is usual; 3 unless given"),
  slow: times
    .min(1)
    .optional()
    .describe("A backup is unusual that takes more than so many times as long as is usual; 3 unless given"),
});

/** As the report takes them; what is not given is left out. */
export function budgetsOf({ rpo, rto, drill }: BudgetSettings): Partial<Budgets> {
  return {
    ...(rpo !== undefined && { rpoMs: rpo }),
    ...(rto !== undefined && { rtoMs: rto }),
    ...(drill !== undefined && { drillMs: drill }),
  };
}

export function thresholdsOf({ small, large, slow }: BudgetSettings): Partial<Thresholds> {
  return {
    ...(small !== undefined && { small }),
    ...(large !== undefined && { large }),
    ...(slow !== undefined && { slow }),
  };
}
