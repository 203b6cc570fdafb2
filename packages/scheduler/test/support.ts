import type { PlannedTask, ProgramResult, RunProgram, SchedulePlan } from "../src/index.ts";

export const now = new Date("2026-11-23T12:00:00Z");

export function taskCalled(name: string, expression = "30 2 * * *", timeZone = "Europe/Berlin"): PlannedTask {
  return { name, describe: `do ${name}`, schedule: { expression, timeZone }, jitterMs: 300_000 };
}

export function planOf(...tasks: readonly PlannedTask[]): SchedulePlan {
  const program = ["/usr/bin/node", "/opt/50% off/main.js"];
  return {
    tasks,
    command: ({ name }) => [...program, "schedule", "run", name],
    wakeCommand: ({ name, schedule }) => [...program, "schedule", "run", name, "--if-due", schedule.expression],
    writable: ["/srv/backups", "/var/lib/sutazai-backup"],
    mounts: ({ name }) => (name === "monitor" ? [] : ["/srv/backups"]),
    logDirectory: "/var/lib/sutazai-backup/schedule",
  };
}

/** A program that is only asked, and what it was asked. */
export function recorder(answer: (args: readonly string[], input: string) => Partial<ProgramResult> = () => ({})): {
  readonly run: RunProgram;
  readonly calls: string[];
} {
  const calls: string[] = [];
  return {
    calls,
    run: async (program, args, input = "") => {
      calls.push([program, ...args].join(" "));
      return { code: 0, stdout: "", stderr: "", ...answer(args, input) };
    },
  };
}
