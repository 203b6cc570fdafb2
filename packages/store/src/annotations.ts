import { link, readdir } from "node:fs/promises";
import { join } from "node:path";
import { BackupError, codeOf, jsonSchema, newId, syncDirectory, type Annotation } from "@sutazai/backup-core";
import { z } from "zod";
import { sha256 } from "./content.ts";
import { makeDirectory, readSmallFile, writeNewFile } from "./files.ts";
import { annotationsFolder } from "./names.ts";
import type { Staging } from "./staging.ts";

const largestAnnotation = 64 * 1024 * 1024;

const annotationSchema: z.ZodType<Annotation> = z.strictObject({
  kind: z.string(),
  at: z.string(),
  value: jsonSchema,
});

/** Numbers that can be counted on from: what claims a higher one was not put there by `annotate`. */
export function isAnnotationFile(name: string): boolean {
  return /^[0-9]{6,9}\.json$/.test(name);
}

/**
 * Adds one as a file of its own: a line of JSON and a line with its SHA-256. It appears whole under the next free number, which
 * only one of several writers gets.
 */
export async function addAnnotation(backup: string, staging: Staging, annotation: Annotation): Promise<void> {
  const folder = join(backup, annotationsFolder);
  await using place = await staging.make(newId());
  const staged = join(place.content, "annotation");
  const text = JSON.stringify(annotation);
  await writeNewFile(staged, `${text}\n${sha256(text)}\n`);
  if (await makeDirectory(folder)) await syncDirectory(backup);
  for (;;) {
    const last = Number.parseInt((await annotationFiles(backup)).at(-1) ?? "0", 10);
    const file = `${String(last + 1).padStart(6, "0")}.json`;
    if (!isAnnotationFile(file))
      throw new BackupError("corrupt", `there is no number left behind ${last} in ${folder}`);
    try {
      await link(staged, join(folder, file));
      break;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
  }
  await syncDirectory(folder);
}

/** All, oldest first. Throws `corrupt` for a damaged one: it might be what keeps a backup from being deleted. */
export async function readAnnotations(backup: string): Promise<Annotation[]> {
  const files = await annotationFiles(backup);
  return Promise.all(files.map((name) => readAnnotation(join(backup, annotationsFolder, name))));
}

async function readAnnotation(path: string): Promise<Annotation> {
  const content = (await readSmallFile(path, largestAnnotation)).toString("utf8");
  const [text = "", digest, end, ...more] = content.split("\n", 4);
  const isWhole = digest === sha256(text) && end === "" && more.length === 0;
  const annotation = isWhole ? annotationSchema.safeParse(parsed(text)).data : undefined;
  if (annotation !== undefined) return annotation;
  throw new BackupError("corrupt", `${path} is damaged`, {
    operation: "store.annotations",
    hint: "see what it said, move it away and verify or pin the backup again",
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** By number. */
async function annotationFiles(backup: string): Promise<string[]> {
  const names = await readdir(join(backup, annotationsFolder)).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  return names.filter(isAnnotationFile).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
}
