// Writes docs/config.schema.json from the schemas: `node apps/cli/scripts/config-schema.ts`.
import { writeFile } from "node:fs/promises";
import { configJsonSchema } from "@sutazai/backup-sdk";

export const schemaFile: URL = new URL("../../../docs/config.schema.json", import.meta.url);

/** The file as it should be. */
export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
}

if (import.meta.main) await writeFile(schemaFile, schemaText());
