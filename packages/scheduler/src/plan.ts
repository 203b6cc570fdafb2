import { z } from "zod";
import { BackupError } from "@sutazai/backup-core";
import { assertSchedule, type Schedule } from "./schedule.ts";

/** Something that runs on a schedule. */
export interface PlannedTask {
  /** Lower-case letters: it becomes part of file names. */
  readonly name: string;
  /** What it does, for people. */
  readonly describe: string;
  readonly schedule: Schedule;
  /** Up to so long after its time each run begins: always the same on one host, so that not all hosts begin at once. */
  readonly jitterMs: number;
}

/** What is to be installed, and how it runs. */
export interface SchedulePlan {
  readonly tasks: readonly PlannedTask[];
  /** Program and arguments of a run; the program is an absolute path, and nothing in it is secret: everybody can read it. */
  readonly command: (task: PlannedTask) => readonly string[];
  /** The same for a cron that only wakes it: the run looks itself whether it is due. */
  readonly wakeCommand: (task: PlannedTask) => readonly string[];
  /** Absolute directories that runs write to; everything else is read-only for them where the system can hold that. */
  readonly writable: readonly string[];
  /** Absolute directories whose file systems must be mounted before a run begins, where the system can see to that. */
  readonly mounts: (task: PlannedTask) => readonly string[];
  /** Absolute directory for what runs under cron say: one file for each task. */
  readonly logDirectory: string;
}

/** A file as it is, or would be, installed. */
export interface InstalledFile {
  /** A path; `crontab` where it is a part of the user's own. */
  readonly path: string;
  readonly text: string;
}

/** A task as its files tell of it. */
export interface InstalledTask {
  readonly task: PlannedTask;
  readonly files: readonly InstalledFile[];
}

export interface Change {
  readonly path: string;
  readonly change: "written" | "unchanged" | "removed";
}

/** What the system knows of a task's timer. */
export interface TimerState {
  readonly isActive: boolean;
  /** Why it is not active, or what else is wrong with it. */
  readonly problem?: string;
}

/** Makes the system run tasks on time. */
export interface Backend {
  readonly name: BackendName;
  /** The files of each task; nothing is written. Throws `unsupported` where a schedule cannot be expressed. */
  render(plan: SchedulePlan): InstalledTask[];
  /** Writes what differs, and sees to it that it takes effect. Other tasks stay as they are. Throws `permission`, `refused` where a file is somebody else's. */
  install(plan: SchedulePlan): Promise<Change[]>;
  installed(): Promise<InstalledTask[]>;
  /** Removes what {@link install} wrote for these tasks, or for all. */
  remove(tasks?: readonly string[]): Promise<Change[]>;
  timerState(task: PlannedTask): Promise<TimerState>;
}

export const backendNames = ["systemd", "cron"] as const;
export type BackendName = (typeof backendNames)[number];

/** Where things are installed. */
export interface Place {
  /** `system` needs root. */
  readonly scope: "system" | "user";
  /** `/`, or the directory of another system (an image): then files are written there, and nothing is started. */
  readonly root: string;
  readonly home: string;
}

const begin = "# Written by `sutazai-backup schedule install`; `sutazai-backup schedule remove` removes it.";
const fact = "# task: ";

/** The first lines of every file of ours: that it is, and of what task. */
export function headerOf({ name, describe, schedule, jitterMs }: PlannedTask): string {
  return `${begin}\n${fact}${JSON.stringify({ name, describe, schedule, jitterMs })}\n`;
}

const taskSchema: z.ZodType<PlannedTask> = z.strictObject({
  name: z.string().regex(/^[a-z]+$/),
  describe: z.string(),
  schedule: z.strictObject({ expression: z.string(), timeZone: z.string() }),
  jitterMs: z.number().min(0),
});

/** The task that a file of ours tells of; undefined where it is not ours. Throws `corrupt` where it was and has been changed beyond reading. */
export function taskOf({ path, text }: InstalledFile): PlannedTask | undefined {
  if (!text.includes(begin)) return undefined;
  const line = text.split("\n").find((each) => each.startsWith(fact)) ?? "";
  try {
    const task = taskSchema.parse(JSON.parse(line.slice(fact.length)));
    assertSchedule(task.schedule);
    return task;
  } catch (error) {
    throw new BackupError("corrupt", `${path} has been changed: it no longer says what it is for`, {
      operation: "schedule",
      hint: "delete it, then run `sutazai-backup schedule install` again",
      cause: error,
    });
  }
}
