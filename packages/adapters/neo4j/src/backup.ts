import {
  isBackupError,
  type ArtifactSink,
  type BackupErrorReason,
  type BackupFacts,
  type Json,
  type OperationContext,
} from "@sutazai/backup-core";
import type { Capture } from "./methods/capture.ts";
import { captureDataDirectory } from "./methods/data-directory.ts";
import { captureExport } from "./methods/export.ts";
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
) => Promise<Capture>;

const methods: Readonly<Record<BackupMethod, Method>> = {
  frozen: captureFrozen,
  offline: captureOffline,
  "data-directory": captureDataDirectory,
  export: captureExport,
};

/** Where a copy cannot be had, another method may do. */
const passable: ReadonlySet<BackupErrorReason> = new Set(["timeout", "unsupported", "no-space"]);

export async function backup(
  context: OperationContext,
  target: Target,
  server: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const version = await serverVersion(server);
  const warnings: string[] = [];
  const { form, details, isEmpty, ...capture } = await captureByFirst(context, target, server, options, sink, warnings);
  return {
    serverVersion: version,
    forms: [form],
    incomplete: capture.incomplete,
    warnings: [...warnings, ...capture.warnings],
    empty: isEmpty,
    details: { ...details } as unknown as Json,
  };
}

/** By the method configured, else by the next that was allowed. A method that has begun to write artifacts is not followed by another. */
async function captureByFirst(
  context: OperationContext,
  target: Target,
  server: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
  warnings: string[],
): Promise<Capture> {
  const [first = "frozen", ...others] = methodsOf(options);
  let hasWritten = false;
  const watched: ArtifactSink = {
    write(...parameters) {
      hasWritten = true;
      return sink.write(...parameters);
    },
  };
  try {
    return await methods[first](context, target, server, options, watched);
  } catch (error) {
    const [next] = others;
    if (next === undefined || hasWritten || !isBackupError(error) || !passable.has(error.reason)) throw error;
    context.signal.throwIfAborted();
    warnings.push(`the method ${first} could not be taken, ${next} was instead: ${error.message}`);
    return captureByFirst(
      context,
      target,
      server,
      { ...options, method: next, fallback: others.slice(1) },
      sink,
      warnings,
    );
  }
}

/** In the order in which they are tried. */
export function methodsOf({ method = "frozen", fallback = [] }: Neo4jOptions): readonly BackupMethod[] {
  return [method, ...fallback];
}
