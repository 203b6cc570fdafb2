import { BackupError, type Bytes, type Inspection, type InspectionContext } from "@sutazai/backup-core";
import { readExport } from "./content/export-file.ts";
import { readDataDirectory } from "./data-file.ts";
import { parseDetails } from "./details.ts";
import { readDump } from "./dump/dump-file.ts";
import { formOfArtifact, type FormName } from "./forms.ts";

type Inspector = (content: Bytes, context: InspectionContext) => Promise<Inspection>;

const inspectors: Readonly<Record<FormName, Inspector>> = {
  // What a store holds only a server can tell; that the dump is whole is settled here.
  async dump(content, { signal }) {
    await readDump(content, signal);
    return { facts: {} };
  },
  async data(content, { details, signal }) {
    const databases = parseDetails(details)?.databases.map(({ name }) => name) ?? [];
    for await (const entry of readDataDirectory(content, databases)) {
      for await (const _ of entry.content) signal.throwIfAborted();
    }
    return { facts: {} };
  },
  async export(content, { signal }) {
    return { facts: (await readExport(content, signal)).fingerprint };
  },
};

/** Reads an artifact to its end, in its own format. */
export async function inspectArtifact(name: string, content: Bytes, context: InspectionContext): Promise<Inspection> {
  const form = formOfArtifact(name);
  if (form === undefined) {
    throw new BackupError("not-found", `a backup of Neo4j has no artifact ${JSON.stringify(name)}`, {
      operation: "neo4j.inspect",
      hint: "artifacts are: DATABASE.dump, data.tar, DATABASE.jsonl",
    });
  }
  return inspectors[form](content, context);
}
