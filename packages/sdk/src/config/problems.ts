import { BackupError } from "@sutazai/backup-core";
import { closest, distance } from "fastest-levenshtein";
import type { z } from "zod";
import { redacted, redactSetting } from "../config-show/redaction.ts";
import type { Merged } from "./layers.ts";
import { settingsSchema } from "./settings.ts";
import { jsonSchemaOf } from "./variables.ts";

/** The names in a table of settings: `retention`, `schedules`, `daemon`. */
function namesIn(table: string | undefined): string[] | undefined {
  const properties = jsonSchemaOf(settingsSchema).properties?.[table ?? ""]?.properties;
  return properties === undefined ? undefined : Object.keys(properties);
}

/**
 * Turns what zod found into one error that a person can act on: for each problem the source (file, variable, flag), the
 * setting, what was found there, what is allowed, and the name that was probably meant.
 */
export function configurationError(
  error: z.ZodError,
  at: readonly string[],
  merged: Merged,
  known: readonly string[],
): BackupError {
  const lines = error.issues.flatMap((issue) => describeIssue(issue, at, merged, known));
  return new BackupError("configuration", lines.join("\n"), {
    operation: "configuration",
    hint: "`sutazai-backup --help` and the README list every setting",
  });
}

function describeIssue(
  issue: z.core.$ZodIssue,
  at: readonly string[],
  merged: Merged,
  known: readonly string[],
): string[] {
  const path = [...at, ...issue.path.map(String)];
  if (issue.code === "unrecognized_keys") {
    const names = namesIn(path.at(-1)) ?? known;
    return issue.keys.map((key) => `${merged.sourceOf([...path, key])}: ${unknownName(key, names)}`);
  }
  const allowed =
    issue.code === "invalid_value"
      ? `one of ${issue.values.map(String).join(", ")}`
      : issue.code === "custom"
        ? issue.message
        : expectation(issue);
  return [
    `${merged.sourceOf(path)}: found ${show(redactSetting(path, valueAt(merged.values, path)))}, allowed is ${allowed}${suggestion(issue, valueAt(merged.values, path))}`,
  ];
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return `a ${issue.expected}`;
  if (issue.code === "too_small") return `at least ${issue.minimum}${issue.origin === "string" ? " character" : ""}`;
  if (issue.code === "too_big") return `at most ${issue.maximum}${issue.origin === "string" ? " characters" : ""}`;
  return issue.message;
}

function suggestion(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== "invalid_value" || typeof value !== "string") return "";
  const likely = likelyName(value, issue.values.map(String));
  return likely === undefined ? "" : ` (did you mean ${likely}?)`;
}

function unknownName(name: string, known: readonly string[]): string {
  const likely = likelyName(name, known);
  return `there is no setting "${name}"${likely === undefined ? "" : `; did you mean "${likely}"?`} (known: ${known.join(", ")})`;
}

/** The known name that was probably meant, if any is near enough. */
export function likelyName(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const lower = name.toLowerCase();
  const nearest = closest(
    lower,
    known.map((candidate) => candidate.toLowerCase()),
  );
  return distance(lower, nearest) <= Math.max(2, Math.floor(name.length / 3))
    ? known.find((candidate) => candidate.toLowerCase() === nearest)
    : undefined;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return value === redacted ? redacted : JSON.stringify(value);
}
