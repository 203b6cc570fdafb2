export {
  Daemon,
  outcomeOf,
  type Clock,
  type DaemonEvent,
  type DaemonOptions,
  type DaemonTask,
  type TaskOutcome,
  type TaskStanding,
} from "./daemon.ts";
export { backends, detectBackend } from "./detect.ts";
export { delayOf, dueAt, overdueSince } from "./due.ts";
export { serveHealth, type HealthOptions, type HealthServer } from "./health.ts";
export { RunHistory, type BegunRun, type TaskHistory, type TaskRun } from "./history.ts";
export {
  backendNames,
  type Backend,
  type BackendName,
  type Change,
  type InstalledFile,
  type InstalledTask,
  type Place,
  type PlannedTask,
  type SchedulePlan,
  type TimerState,
} from "./plan.ts";
export type { ProgramResult, RunProgram } from "./program.ts";
export { assertSchedule, nextRun, nextRuns, overdueAt, type Schedule } from "./schedule.ts";
export type { BackendOptions } from "./systemd/backend.ts";
export { systemTimeZone } from "./time-zone.ts";
