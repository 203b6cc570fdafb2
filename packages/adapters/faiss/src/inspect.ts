import { BackupError, type Bytes, type Inspection, type InspectionContext } from "@sutazai/backup-core";
import { readTar } from "@sutazai/backup-formats";
import { artifactName } from "./backup.ts";
import { FileSet, type SetContent } from "./file-set.ts";
import type { SetRules } from "./options.ts";

/** Reads `data.tar` to its end, the header of every index in it included: it settles all facts. */
export async function inspectArtifact(
  name: string,
  content: Bytes,
  rules: SetRules,
  { signal }: Pick<InspectionContext, "signal">,
): Promise<Inspection> {
  if (name !== artifactName) {
    throw new BackupError("not-found", `a backup of FAISS has no artifact ${JSON.stringify(name)}`, {
      operation: "faiss.inspect",
      hint: `it has: ${artifactName}`,
    });
  }
  return { facts: (await contentOf(content, rules, signal)).fingerprint };
}

/** What is in an archive of a set, the entries `besides` left aside. */
export async function contentOf(
  tar: Bytes,
  rules: SetRules,
  signal: AbortSignal,
  besides: readonly string[] = [],
): Promise<SetContent> {
  const set = new FileSet(rules);
  for await (const entry of readTar(tar, { types: ["file", "directory", "link", "symlink"] })) {
    if (besides.includes(entry.name)) continue;
    for await (const _ of set.pass(entry)) signal.throwIfAborted();
  }
  return set.end();
}
