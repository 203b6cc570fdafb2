import { z } from "zod";

import { codecNames, type CodecName } from "./bytes.ts";
import { containerDefinitionSchema, type ContainerDefinition } from "./container-definition.ts";
import { BackupError } from "./error.ts";
import { databaseKinds, type DatabaseKind } from "./kind.ts";
import { jsonSchema, listOf, type Json } from "./json.ts";
import { fingerprintSchema, type Fingerprint } from "./fingerprint.ts";

export const manifestVersion = 1;

/** The record of one backup. Never rewritten once published. Times are ISO 8601 in UTC, sizes bytes. */
export interface Manifest {
  readonly format: "sutazai-backup";
  readonly version: typeof manifestVersion;
  readonly id: string;
  readonly database: string;
  readonly kind: DatabaseKind;
  /** Counts the backups of this database in this store; order is by it, never by the clock alone. */
  readonly sequence: number;
  /** Ids of backups that this one needs; empty for a full one. */
  readonly parents: readonly string[];
  readonly runId: string;
  readonly purpose: "backup" | "safety";
  readonly status: "ok" | "partial";
  readonly startedAt: string;
  readonly endedAt: string;
  /** `sutazai-backup 1.2.3`. */
  readonly madeBy: string;
  readonly serverVersion: string;
  readonly container: ContainerDefinition | null;
  /** Nothing of the user's is in it. */
  readonly empty: boolean;
  /** Why it is `partial`. */
  readonly incomplete: readonly string[];
  readonly warnings: readonly string[];
  /** At least one. */
  readonly forms: readonly FormFacts[];
  readonly artifacts: readonly ArtifactEntry[];
  /** The adapter's own. */
  readonly details: Json;
}

/** One way in which a backup holds its database. */
export interface FormFacts {
  readonly name: string;
  /** The tool or call it was made by. */
  readonly method: string;
  /** Between these two moments lies the moment that the form shows; equal where it is known. */
  readonly capture: { readonly from: string; readonly to: string };
  /** Milliseconds for which the service stood still or was down, as measured; 0 where it went on. */
  readonly pausedMs: number;
  /** Logical names of its artifacts. */
  readonly artifacts: readonly string[];
  readonly fingerprint: Fingerprint;
  /** What a user might expect in it and would not find. */
  readonly notCovered: readonly string[];
}

export interface ArtifactEntry {
  /** Logical name, as the adapter gave it. */
  readonly name: string;
  /** Path within the backup's directory: percent-encoded, bounded, with the codec's suffix. */
  readonly file: string;
  readonly codec: CodecName;
  readonly plain: Content;
  readonly stored: Content;
}

export interface Content {
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

const size = z.number().int().nonnegative();
const time = z.iso.datetime();
const contentSchema = z.strictObject({ bytes: size, sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export const artifactSchema: z.ZodType<ArtifactEntry> = z.strictObject({
  name: z.string().min(1),
  file: z.string().min(1),
  codec: z.enum(codecNames),
  plain: contentSchema,
  stored: contentSchema,
});

const formSchema: z.ZodType<FormFacts> = z.strictObject({
  name: z.string(),
  method: z.string(),
  capture: z.strictObject({ from: time, to: time }),
  pausedMs: size,
  artifacts: listOf(z.string()),
  fingerprint: fingerprintSchema,
  notCovered: listOf(z.string()),
});

export const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  format: z.literal("sutazai-backup"),
  version: z.literal(manifestVersion),
  id: z.string().min(1),
  database: z.string().min(1),
  kind: z.enum(databaseKinds),
  sequence: z.number().int().positive(),
  parents: listOf(z.string()),
  runId: z.string(),
  purpose: z.enum(["backup", "safety"]),
  status: z.enum(["ok", "partial"]),
  startedAt: time,
  endedAt: time,
  madeBy: z.string(),
  serverVersion: z.string(),
  container: containerDefinitionSchema.nullable(),
  empty: z.boolean(),
  incomplete: listOf(z.string()),
  warnings: listOf(z.string()),
  forms: listOf(formSchema).refine((forms) => forms.length > 0, "Invalid input: expected at least one form"),
  artifacts: listOf(artifactSchema),
  details: jsonSchema,
});

/**
 * Reads a manifest's text. Throws `corrupt` for what is not one or is damaged, `incompatible-version` for one of a
 * newer format; never anything else, whatever the text.
 */
export function parseManifest(text: string, where: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BackupError("corrupt", `${where} is not JSON`, {
      operation: "manifest.read",
      hint: damaged,
      cause: error,
    });
  }
  const head = z.looseObject({ format: z.literal("sutazai-backup"), version: z.number() }).safeParse(value);
  if (!head.success) {
    throw new BackupError("corrupt", `${where} is not a manifest of this system`, {
      operation: "manifest.read",
      hint: damaged,
    });
  }
  if (head.data.version > manifestVersion) {
    const madeBy = z.string().max(200).safeParse(head.data["madeBy"]).data ?? "a newer version";
    throw new BackupError(
      "incompatible-version",
      `${where} has format ${head.data.version}; this version reads up to ${manifestVersion}`,
      {
        operation: "manifest.read",
        hint: `read it with ${madeBy} or newer`,
      },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    throw new BackupError("corrupt", `${where} is damaged: ${z.prettifyError(parsed.error).slice(0, longestProblem)}`, {
      operation: "manifest.read",
      hint: damaged,
    });
  }
  return parsed.data;
}

/** Characters. Names of fields are quoted in it, and those of a hostile file may be as long as the file. */
const longestProblem = 2_000;

const damaged = "this backup cannot be trusted; use another one (`sutazai-backup list`)";

/** A form by name, or the first. Throws `not-found` with the names there are. */
export function formOf(manifest: Manifest, name?: string): FormFacts {
  const form = name === undefined ? manifest.forms[0] : manifest.forms.find((candidate) => candidate.name === name);
  if (form === undefined) {
    throw new BackupError("not-found", `backup ${manifest.id} has no form "${name}"`, {
      operation: "manifest.form",
      database: manifest.database,
      hint: `it has: ${manifest.forms.map((candidate) => candidate.name).join(", ")}`,
    });
  }
  return form;
}
