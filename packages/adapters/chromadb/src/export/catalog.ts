import { BackupError, type Bytes, type Fingerprint } from "@sutazai/backup-core";
import { z } from "zod";
import type { DatabaseRef } from "../collections.ts";
import { catalogArtifact } from "../details.ts";
import { databaseFact } from "../facts.ts";

/** What an export holds, for whoever reads it without this program. */
export interface Catalog {
  readonly format: "chromadb-export";
  readonly version: 1;
  readonly serverVersion: string;
  readonly databases: readonly CatalogDatabase[];
}

export interface CatalogDatabase extends DatabaseRef {
  readonly collections: readonly { readonly name: string; readonly artifact: string; readonly records: number }[];
}

const catalogSchema: z.ZodType<Catalog> = z.strictObject({
  format: z.literal("chromadb-export"),
  version: z.literal(1),
  serverVersion: z.string(),
  databases: z.array(
    z.strictObject({
      tenant: z.string(),
      database: z.string(),
      collections: z.array(z.strictObject({ name: z.string(), artifact: z.string(), records: z.number() })),
    }),
  ),
});

const limit = 256 * 1024 * 1024;

export function catalogFacts(databases: readonly DatabaseRef[]): Fingerprint {
  return Object.fromEntries(databases.map((each) => [databaseFact(each), { exact: true }]));
}

/** Reads a catalog to its end. Throws `corrupt`. */
export async function readCatalog(content: Bytes): Promise<Catalog> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of content) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit) throw damaged(length, "is longer than any");
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw damaged(length, "is not JSON");
  }
  const parsed = catalogSchema.safeParse(value);
  if (!parsed.success) throw damaged(length, "does not say what it should");
  return parsed.data;
}

function damaged(offset: number, problem: string): BackupError {
  return new BackupError("corrupt", `${catalogArtifact} ${problem}`, {
    operation: "chromadb.inspect",
    hint: "use another backup",
    details: { offset },
  });
}
