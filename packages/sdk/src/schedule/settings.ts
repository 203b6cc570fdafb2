import { assertSchedule, systemTimeZone, type Schedule } from "@sutazai/backup-scheduler";
import type { BackupError } from "@sutazai/backup-core";
import { z } from "zod";
import { durationFrom } from "../config/amounts.ts";

/** What can run on a schedule. */
export const taskNames = ["backup", "prune", "scrub", "drill", "monitor"] as const;
export type TaskName = (typeof taskNames)[number];

export const presets = ["hourly", "daily", "weekly"] as const;
export type Preset = (typeof presets)[number];

/** What the times are unless they are given. */
interface TaskTimes {
  readonly usual: string;
  readonly presets: Readonly<Record<Preset, string>>;
  readonly describe: string;
}

// From four o'clock on no clock in the world is changed; one after the other, so that they need not wait for each other's locks.
export const taskTimes: Readonly<Record<TaskName, TaskTimes>> = {
  backup: {
    usual: "hourly",
    presets: { hourly: "0 * * * *", daily: "0 4 * * *", weekly: "0 4 * * 0" },
    describe: "back up all databases",
  },
  prune: {
    usual: "daily",
    presets: { hourly: "20 * * * *", daily: "20 5 * * *", weekly: "20 5 * * 0" },
    describe: "delete the backups that retention lets go",
  },
  scrub: {
    usual: "daily",
    presets: { hourly: "40 * * * *", daily: "40 5 * * *", weekly: "40 5 * * 0" },
    describe: "read a share of all backups again",
  },
  drill: {
    usual: "weekly",
    presets: { hourly: "50 * * * *", daily: "30 6 * * *", weekly: "30 6 * * 0" },
    describe: "restore the newest backups into throwaway servers",
  },
  monitor: {
    usual: "hourly",
    presets: { hourly: "10 * * * *", daily: "10 7 * * *", weekly: "10 7 * * 0" },
    describe: "look at everything, and tell who should know",
  },
};

/** A cron expression that says so, in a time zone: `off` is for whoever asks to know. Throws `configuration`. */
export function scheduleOf(task: TaskName, text: string, timeZone: string): Schedule {
  const expression = (taskTimes[task].presets as Readonly<Record<string, string>>)[text] ?? text;
  const schedule = { expression, timeZone };
  assertSchedule(schedule);
  return schedule;
}

/** Schedules by task, as configured: `hourly`, `daily`, `weekly`, a cron expression, or `off`. */
export type ScheduleSettings = { readonly [Task in TaskName]?: string | undefined };

export interface DaemonSettings {
  readonly host: string;
  readonly port: number;
  /** Milliseconds. */
  readonly grace: number;
}

const scheduleSchema = (task: TaskName) =>
  z
    .string()
    .superRefine((text, context) => {
      if (text !== "off") mistakeIn(context, () => scheduleOf(task, text, "UTC"));
    })
    .optional()
    .describe(
      `When to ${taskTimes[task].describe}: hourly, daily, weekly, a cron expression, or off; ${taskTimes[task].usual} unless given`,
    );

const byTask = Object.fromEntries(taskNames.map((task) => [task, scheduleSchema(task)]));

export const scheduleSettingsSchema: z.ZodType<ScheduleSettings> = z.strictObject(byTask);

export const timeZoneSchema: z.ZodType<string> = z
  .string()
  .superRefine((timeZone, context) => mistakeIn(context, () => scheduleOf("backup", "daily", timeZone)))
  .default(systemTimeZone())
  .describe("Time zone of the schedules, like Europe/Berlin; the one of this host unless given");

export const daemonSettingsSchema = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .describe("Address of the daemon's health endpoint, which asks nobody who he is; 127.0.0.1 unless given"),
    port: z.int().min(0).max(65_535).default(9717).describe("Port of the daemon's health endpoint; 9717 unless given"),
    grace: durationFrom(0)
      .default(0)
      .describe("How long a run may go on when the daemon is told to end; 0 unless given: it is cancelled at once"),
  })
  .prefault({}) satisfies z.ZodType<DaemonSettings> as z.ZodType<DaemonSettings>;

function mistakeIn(context: z.RefinementCtx, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    const { message, hint = "" } = error as BackupError;
    context.addIssue({ code: "custom", message: `${hint} (${message})` });
  }
}
