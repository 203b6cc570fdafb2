import { isBackupError, type ArtifactSink, type BackupFacts, type OperationContext } from "@sutazai/backup-core";
import { captureData, type DataCapture } from "./data/capture-data.ts";
import { dataArtifact, detailsAsJson } from "./details.ts";
import { captureExport, type ExportCapture } from "./export/capture-export.ts";
import type { FormName } from "./options.ts";
import type { Server } from "./server.ts";
import { findTenants, namedTenants } from "./tenants.ts";

/** Takes the copy first: it tells which tenants there are to export. */
export async function backup(
  context: OperationContext,
  server: Server,
  forms: readonly FormName[],
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const incomplete: string[] = [];
  let data: DataCapture | undefined;
  if (forms.includes("data")) {
    try {
      data = await captureData(context, server, sink);
    } catch (error) {
      // The other form is still to be had, where this one cannot be.
      const isRefused = isBackupError(error) && ["timeout", "unsupported", "no-space"].includes(error.reason);
      if (!isRefused || error.operation === undefined || !/^containers\.|^chromadb\.locate/.test(error.operation))
        throw error;
      if (!forms.includes("export")) throw error;
      incomplete.push(`the data directory was not copied: ${error.message}`);
    }
  }
  let exported: ExportCapture | undefined;
  if (forms.includes("export")) {
    const tenants =
      data === undefined ? await findTenants(context, server) : [...namedTenants(server), ...data.content.tenants];
    exported = await captureExport(context, server, tenants, sink);
    incomplete.push(...exported.incomplete);
  }
  const taken = [data, exported].flatMap((capture) => (capture === undefined ? [] : [capture.form]));
  return {
    serverVersion: server.version,
    forms: taken,
    incomplete,
    warnings:
      data === undefined
        ? ["tenants that the setting `tenants` does not name may be missing: no endpoint lists them"]
        : [],
    empty: (data?.content.collections.length ?? 0) === 0 && (exported?.collections.length ?? 0) === 0,
    details: detailsAsJson({
      data:
        data === undefined
          ? null
          : { entries: data.content.entries, frozenMs: data.frozenMs, tenants: data.content.tenants },
      export: exported === undefined ? null : { databases: exported.databases, collections: exported.collections },
      digests: { ...exported?.digests, ...(data !== undefined && { [dataArtifact]: data.digest }) },
    }),
  };
}
