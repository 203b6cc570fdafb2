import type { Bytes, DatabaseAdapter, FormFacts } from "@sutazai/backup-core";
import { readTar } from "@sutazai/backup-formats";

/**
 * The form of a safety backup of a server that cannot be dumped: a tar of each directory that its container writes to, as a stop
 * or a power cut would leave it. No adapter knows it: it is restored by hand, as `docs/format.md` says.
 */
export const rawForm = "raw";

/** `raw/var/lib/postgresql/data.tar`. */
export function rawArtifact(directory: string): string {
  return `${rawForm}/${directory.replace(/^\/+/, "")}.tar`;
}

export function isRaw(forms: readonly Pick<FormFacts, "name">[]): boolean {
  return forms.some(({ name }) => name === rawForm);
}

/** Who can read the artifacts of these forms: the adapter, or for raw files anybody. */
export function readerOf(
  forms: readonly Pick<FormFacts, "name">[],
  adapter: Pick<DatabaseAdapter, "inspectArtifact">,
): Pick<DatabaseAdapter, "inspectArtifact"> {
  return isRaw(forms) ? rawReader : adapter;
}

/** Follows each archive to its end mark. What is in the files is the database's own business. */
const rawReader: Pick<DatabaseAdapter, "inspectArtifact"> = {
  async inspectArtifact(_name: string, content: Bytes) {
    for await (const _ of readTar(content, { unchecked: true }));
    return { facts: {} };
  },
};
