import {
  nextRuns,
  table,
  type Change,
  type DaemonEvent,
  type InstalledFile,
  type PlannedTask,
  type ScheduleStatus,
} from "@sutazai/backup-sdk";

/** Each file with its path above it. */
export function formatFiles(files: readonly InstalledFile[]): string {
  if (files.length === 0) return "nothing is installed";
  return files.map(({ path, text }) => `### ${path}\n${text}`).join("\n");
}

export function formatChanges(
  backend: string | undefined,
  tasks: readonly PlannedTask[],
  changes: readonly Change[],
): string {
  const moved = changes.filter(({ change }) => change !== "unchanged").map(({ path, change }) => `${change}: ${path}`);
  const times = tasks.map(({ name, schedule }) => {
    const [next] = nextRuns(schedule, new Date(), 1);
    return [name, schedule.expression, schedule.timeZone, next?.toISOString() ?? "never"];
  });
  return [
    ...(moved.length === 0 ? ["nothing to change"] : moved),
    ...(times.length === 0 ? [] : ["", table([`runs by ${backend ?? ""}`, "at", "in", "next"], times)]),
  ].join("\n");
}

export function formatScheduleStatus(backend: string, tasks: readonly ScheduleStatus[]): string {
  const rows = tasks.map((task) => [
    task.task,
    task.schedule,
    task.timeZone,
    task.installed ? `by ${backend}` : task.daemon === undefined ? "not installed" : "by daemon",
    task.next ?? "–",
    task.running === undefined ? (task.last?.startedAt ?? "–") : "running",
    task.last?.status ?? "–",
    task.lastSuccess ?? "never",
  ]);
  const problems = tasks.flatMap((task) => task.problems.map((problem) => `  ✗ ${task.task}: ${problem}`));
  return [table(["task", "at", "in", "runs", "next", "last", "ended", "last good"], rows), ...problems].join("\n");
}

/** One line. */
export function formatDaemonEvent(event: DaemonEvent): string {
  switch (event.type) {
    case "scheduled":
      return event.missed ? `${event.task}: was missed, runs now` : `${event.task}: next at ${event.next ?? "no time"}`;
    case "task-start":
      return `${event.task}: begins`;
    case "task-end":
      return `${event.task}: ${event.run.status}${event.run.problem === undefined ? "" : `: ${event.run.problem}`}`;
    case "task-unknown":
      return `${event.task}: when it last went well is not known: ${event.problem}`;
    case "task-busy":
      return `${event.task}: waits, as it runs already in ${event.by ?? "another process"}`;
  }
}
