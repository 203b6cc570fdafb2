import type { DatabaseAdapter } from "@sutazai/backup-core";
import type { Subject } from "./subject.ts";

/** In the order of the report: what fails in an early one explains what fails in a later one. */
export const layers = [
  "configuration",
  "tools",
  "permissions",
  "containers",
  "connectivity",
  "versions",
  "space",
  "locks",
  "store",
  "journal",
  "notifications",
  "schedule",
  "backups",
  "performance",
  "clock",
  "leftovers",
  "drill",
] as const;
export type Layer = (typeof layers)[number];

/** What must hold for a check to be able to say anything; otherwise it is skipped, with the reason. */
export type Prerequisite =
  | "configuration"
  | "databases"
  | "docker"
  | "store"
  | "report"
  | "server"
  | "container"
  | "backup";

export type CheckStatus = "pass" | "warn" | "fail" | "skip";

/** What one check came to. */
export interface Finding {
  readonly status: CheckStatus;
  /** What was found; of a skip, why it was not looked at. */
  readonly message: string;
  /** What to do now. */
  readonly hint?: string;
  /** A backup is damaged. */
  readonly isDamage?: true;
  /** For the baseline of later tests, in the unit of the check. */
  readonly measured?: number;
}

interface CheckBase {
  /** Unique and stable: `space.store`. */
  readonly id: string;
  readonly layer: Layer;
  readonly title: string;
  readonly needs?: readonly Prerequisite[];
  /** What it does to the world; a dry run leaves out whatever does anything. `sends` must be asked for besides. */
  readonly effect?: "writes" | "sends";
  /** It works the disk or the memory hard: after all others, and by itself. */
  readonly alone?: true;
  /** Milliseconds; `database`: what one database may take. 20 s unless given. */
  readonly limit?: number | "database";
}

/** A check of the whole. */
export interface SystemCheck extends CheckBase {
  readonly each?: undefined;
  run(subject: Subject, signal: AbortSignal): Finding | Promise<Finding>;
}

/** A check of every database. */
export interface DatabaseCheck extends CheckBase {
  readonly each: "database";
  run(subject: Subject, database: DatabaseAdapter, signal: AbortSignal): Finding | Promise<Finding>;
}

export type Check = SystemCheck | DatabaseCheck;

export function pass(message: string, measured?: number): Finding {
  return { status: "pass", message, ...(measured !== undefined && { measured }) };
}

export function warn(message: string, hint: string, measured?: number): Finding {
  return { status: "warn", message, hint, ...(measured !== undefined && { measured }) };
}

export function fail(message: string, hint: string): Finding {
  return { status: "fail", message, hint };
}

export function skip(reason: string): Finding {
  return { status: "skip", message: reason };
}
