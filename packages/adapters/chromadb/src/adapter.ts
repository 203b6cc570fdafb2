import {
  BackupError,
  attempt,
  type DatabaseAdapter,
  type OperationContext,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { z } from "zod";
import { backup } from "./backup.ts";
import { drill } from "./drill.ts";
import { fence } from "./fence.ts";
import { fingerprint, formName } from "./fingerprint.ts";
import { inspectArtifact } from "./inspect.ts";
import { chromadbOptionsSchema, formNames, type ChromadbOptions } from "./options.ts";
import { methodOf, planRestore } from "./plan.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { restoreByImporting } from "./restore/import.ts";
import { restoreByReplacing } from "./restore/replace.ts";
import { Server } from "./server.ts";
import { stoppedSite, type Site } from "./site.ts";
import { containerName } from "./target.ts";

/**
 * One Chroma server of version 1: all its tenants, databases and collections. Does no I/O until a method is called. Throws
 * `configuration` for options that cannot be right.
 */
export function chromadbAdapter(options: ChromadbOptions = {}): DatabaseAdapter {
  const parsed = chromadbOptionsSchema.safeParse(options);
  const name = options.name ?? "chromadb";
  if (!parsed.success) {
    throw new BackupError("configuration", `options of database "${name}": ${z.prettifyError(parsed.error)}`, {
      operation: "chromadb.configure",
      database: name,
      hint: "mend the settings named",
    });
  }
  const hasContainer = containerName(options) !== undefined;
  const forms = options.forms ?? (hasContainer ? formNames : (["export"] as const));
  const fenceKind = hasContainer ? "isolated" : "none";

  const told = <Result>(operation: string, signal: AbortSignal | undefined, work: () => Promise<Result>) =>
    attempt({ operation: `chromadb.${operation}`, database: name, signal }, work);
  const connected = <Result>(
    operation: string,
    context: OperationContext,
    work: (server: Server) => Promise<Result>,
    { exact = options.exact }: Pick<RestoreOptions, "exact"> = {},
  ) =>
    told(operation, context.signal, async () => {
      using server = await Server.open({ ...options, exact }, name, context.containers, context.signal);
      return await work(server);
    });

  /** A server whose files are exchanged need not run: one that does not start is mended that way. */
  const located = <Result>(
    operation: string,
    { form, exact = options.exact }: Pick<RestoreOptions, "form" | "exact">,
    context: OperationContext,
    work: (site: Site) => Promise<Result>,
  ) =>
    told(operation, context.signal, async () => {
      const { containers, signal } = context;
      const stopped = formName(form) === "data" ? await stoppedSite(options, name, containers, signal) : undefined;
      if (stopped !== undefined) return work(stopped);
      using server = await Server.open({ ...options, exact }, name, containers, signal);
      return await work(server);
    });

  return {
    kind: "chromadb",
    name,
    capabilities: {
      forms: forms.map((form) => ({ name: form, pointInTime: form === "data", byDefault: true })),
      restoreMethods: forms.map((form) => ({
        name: methodOf[form],
        forms: [form],
        restarts: hasContainer,
        fence: fenceKind,
        removesOthers: form === "data" ? ("always" as const) : ("on-request" as const),
      })),
      restoresPart: false,
    },
    probe: (context) => connected("probe", context, async (server) => probe(context, server)),
    backup: (context, sink) => connected("backup", context, (server) => backup(context, server, forms, sink)),
    planRestore: (context, manifest, chosen) =>
      located("plan-restore", chosen, context, (site) => planRestore(context, site, manifest, chosen)),
    fence: (context, chosen) => located("fence", chosen, context, (site) => fence(context, site)),
    restore: (context, source, chosen) =>
      formName(chosen.form) === "data"
        ? located("restore", chosen, context, (site) => restoreByReplacing(context, site, source))
        : connected("restore", context, (server) => restoreByImporting(context, server, source), chosen),
    fingerprint: (context, form) =>
      connected("fingerprint", context, (server) => fingerprint(context, server, formName(form))),
    inspectArtifact: (artifact, content, facts) =>
      told("inspect", undefined, () => inspectArtifact(artifact, content, facts)),
    drill: (manifest, form) => drill(name, manifest, form, chromadbAdapter),
    recover: (record, settlement, context) =>
      told("recover", undefined, () => recover(options, name, record, settlement, context)),
  };
}
