import { BackupError } from "@sutazai/backup-core";
import type { BackupMethod } from "./options.ts";

export const formNames = ["dump", "data", "export"] as const;
export type FormName = (typeof formNames)[number];

/** What each method gives. */
export const formOfMethod: Readonly<Record<BackupMethod, FormName>> = {
  frozen: "dump",
  offline: "dump",
  "data-directory": "data",
  export: "export",
};

/** Throws `unsupported` for a name that is no form. */
export function formName(name: string): FormName {
  const form = formNames.find((known) => known === name);
  if (form !== undefined) return form;
  throw new BackupError("unsupported", `there is no form ${JSON.stringify(name)}`, {
    operation: "neo4j.form",
    hint: `forms are: ${formNames.join(", ")}`,
  });
}

export const dataArtifact = "data.tar";
const dumpSuffix = ".dump";
const exportSuffix = ".jsonl";

export function dumpArtifact(database: string): string {
  return `${database}${dumpSuffix}`;
}

export function exportArtifact(database: string): string {
  return `${database}${exportSuffix}`;
}

/** Which form an artifact is of, by its name; undefined for a name that this adapter never gives. */
export function formOfArtifact(name: string): FormName | undefined {
  if (name === dataArtifact) return "data";
  if (name.endsWith(dumpSuffix)) return "dump";
  return name.endsWith(exportSuffix) ? "export" : undefined;
}
