import type { ArtifactSink, BackupErrorReason, BackupFacts, Json, OperationContext } from "@sutazai/backup-core";
import type { FormName } from "./forms.ts";
import type { Capture } from "./methods/capture.ts";
import { Copies, frozenCopyOf } from "./methods/copies.ts";
import { captureDataDirectory } from "./methods/data-directory.ts";
import { captureExport } from "./methods/export.ts";
import { firstPossible } from "./methods/first-possible.ts";
import { captureFrozen } from "./methods/frozen.ts";
import { captureOffline } from "./methods/offline.ts";
import type { BackupMethod, Neo4jOptions } from "./options.ts";
import type { Server } from "./server.ts";
import type { Target } from "./target.ts";
import { serverVersion } from "./version.ts";

type Method = (
  context: OperationContext,
  target: Target,
  server: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
  copies: Copies,
) => Promise<Capture>;

const dumpForm: FormName = "dump";

const methods: Readonly<Record<BackupMethod, Method>> = {
  frozen: captureFrozen,
  offline: captureOffline,
  "data-directory": captureDataDirectory,
  export: captureExport,
};

const noCopy: readonly BackupErrorReason[] = ["timeout", "unsupported", "no-space"];
/** The copy does not recover, is not consistent, or has no tool. */
const noDump: readonly BackupErrorReason[] = ["tool-failed", "tool-missing", "corrupt"];

/** What says that a method cannot be taken, so that another may be. Of `offline`, before it has stopped the server: that is started again at the end only. */
const passable: Readonly<Record<BackupMethod, ReadonlySet<BackupErrorReason>>> = {
  frozen: new Set([...noCopy, ...noDump]),
  offline: new Set(["unsupported"]),
  "data-directory": new Set(noCopy),
  export: new Set(noCopy),
};

export async function backup(
  context: OperationContext,
  target: Target,
  server: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const version = await serverVersion(server);
  await using copies = new Copies(() => frozenCopyOf(context, target, options));
  let hasWritten = false;
  const watched: ArtifactSink = {
    write(...parameters) {
      hasWritten = true;
      return sink.write(...parameters);
    },
  };
  const { result, passedOver } = await firstPossible(
    methodsOf(options),
    async (method) => {
      context.signal.throwIfAborted();
      return methods[method](context, target, server, options, watched, copies);
    },
    (method, { reason }) => !hasWritten && passable[method].has(reason),
  );
  const { form, details, isEmpty, incomplete, warnings } = result;
  // A dump is as good as any other. What is less was not asked for, and stands for one that could not be had.
  const isDump = form.name === dumpForm;
  return {
    serverVersion: version,
    forms: [{ ...form, pausedMs: form.pausedMs + copies.frozenMs }],
    incomplete: [...(isDump ? [] : passedOver), ...incomplete],
    warnings: [...(isDump ? passedOver : []), ...warnings],
    empty: isEmpty,
    details: { ...details } as unknown as Json,
  };
}

/** In the order in which they are tried. */
export function methodsOf({ method = "frozen", fallback = [] }: Neo4jOptions): readonly BackupMethod[] {
  return [method, ...fallback];
}
