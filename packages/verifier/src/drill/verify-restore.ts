import {
  BackupError,
  type ArtifactSource,
  type DatabaseAdapter,
  type Manifest,
  type OperationContext,
} from "@sutazai/backup-core";
import type { DrillVerification } from "../verification.ts";
import { drillForm } from "./drill-form.ts";

export interface DrillOptions {
  /** The image of the backup's own container unless given: an id, or a name. Never pulled. */
  readonly image?: string | undefined;
  /** Bytes of memory that each server may use. */
  readonly memoryLimit: number;
  /** Milliseconds that reading the backup took before: part of the measured time. */
  readonly backupCheckMs: number;
}

/** What a drill is given of an operation's context: it keeps a journal of its own. */
export type DrillContext = Omit<OperationContext, "journal">;

/**
 * The drill: restores every form of a backup into a throwaway server by the code of a real restore, compares, restarts, compares again, has the files checked. Digests
 * and structure must have been checked. What is wrong with the backup is a finding; what kept us from trying it is thrown:
 * `connection`, `not-found` (the image), `tool-failed` (no memory, a server that does not even start empty), `unsupported`, …
 */
export async function verifyRestore(
  source: ArtifactSource,
  adapter: DatabaseAdapter,
  { image: givenImage, memoryLimit, backupCheckMs }: DrillOptions,
  context: DrillContext,
): Promise<DrillVerification> {
  const { manifest } = source;
  const startedAt = new Date().toISOString();
  const image = givenImage ?? imageOf(manifest);
  const forms = [];
  for (const form of manifest.forms) {
    context.signal.throwIfAborted();
    forms.push(await drillForm(source, form, adapter, { image, memoryLimit }, context));
  }
  const problems = forms.flatMap((form) => form.problems.map((problem) => `form ${form.name}: ${problem}`));
  const [first] = forms;
  const ok = first !== undefined && problems.length === 0;
  return {
    level: "restore",
    ok,
    problems: first === undefined ? ["the backup holds its database in no form"] : problems,
    image,
    memoryLimit,
    forms,
    rto: ok
      ? {
          ms: backupCheckMs + first.startUpMs + first.restoreMs + first.checkMs,
          backupCheckMs,
          startUpMs: first.startUpMs,
          restoreMs: first.restoreMs,
          checkMs: first.checkMs,
        }
      : null,
    startedAt,
    endedAt: new Date().toISOString(),
  };
}

function imageOf({ id, database, container }: Manifest): string {
  if (container !== null) return container.imageId;
  throw new BackupError(
    "not-found",
    `backup ${id} does not tell the image of its server: it was made without a container`,
    {
      operation: "drill",
      database,
      hint: `name one with a server of the same version: the setting \`drillImage\` of database "${database}"`,
    },
  );
}
