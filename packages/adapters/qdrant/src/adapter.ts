import {
  BackupError,
  inTurn,
  attempt,
  type DatabaseAdapter,
  type OperationContext,
  type RestoreOptions,
} from "@sutazai/backup-core";
import { z } from "zod";
import { backup } from "./backup.ts";
import { planReplacement, replaceMethod, restoreByReplacing } from "./data/restore.ts";
import { drill } from "./drill.ts";
import { fence } from "./fence.ts";
import { fingerprint, formName } from "./fingerprint.ts";
import { inspectArtifact } from "./inspect.ts";
import { collectionForms, qdrantOptionsSchema, type QdrantOptions } from "./options.ts";
import { examine, method } from "./plan.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { restore } from "./restore.ts";
import { Server } from "./server.ts";
import { containerName } from "./target.ts";

/**
 * One single-node Qdrant server: all its collections and aliases. Does no I/O until a method is called. Throws
 * `configuration` for options that cannot be right.
 */
export function qdrantAdapter(options: QdrantOptions = {}): DatabaseAdapter {
  const parsed = qdrantOptionsSchema.safeParse(options);
  const name = options.name ?? "qdrant";
  if (!parsed.success) {
    throw new BackupError("configuration", `options of database "${name}": ${z.prettifyError(parsed.error)}`, {
      operation: "qdrant.configure",
      database: name,
      hint: "mend the settings named",
    });
  }
  const forms = options.forms ?? (["snapshot"] as const);
  const uploaded = collectionForms.filter((form) => forms.includes(form));
  const isExact = (chosen: RestoreOptions) => chosen.exact ?? options.exact ?? false;
  const hasContainer = containerName(options) !== undefined;

  const told = <Result>(operation: string, signal: AbortSignal | undefined, work: () => Promise<Result>) =>
    attempt({ operation: `qdrant.${operation}`, database: name, signal }, work);
  const connected = <Result>(operation: string, context: OperationContext, work: (server: Server) => Promise<Result>) =>
    told(operation, context.signal, async () => {
      using server = await Server.open(options, name, context.containers, context.signal);
      return await work(server);
    });

  return {
    kind: "qdrant",
    name,
    capabilities: {
      forms: forms.map((form) => ({ name: form, pointInTime: form === "data", byDefault: true })),
      restoreMethods: [
        ...(uploaded.length > 0
          ? [
              {
                name: method,
                forms: collectionForms,
                restarts: false,
                fence: hasContainer ? ("isolated" as const) : ("none" as const),
                removesOthers: "on-request" as const,
              },
            ]
          : []),
        ...(forms.includes("data")
          ? [
              {
                name: replaceMethod,
                forms: ["data"],
                restarts: true,
                fence: "isolated" as const,
                removesOthers: "always" as const,
              },
            ]
          : []),
      ],
      restoresPart: uploaded.length > 0,
    },
    probe: (context) => connected("probe", context, (server) => probe(context, server)),
    // In turn: a server names its snapshots by the second.
    backup: (context, sink) =>
      connected("backup", context, (server) =>
        inTurn(containerName(options) ?? options.url ?? name, context.signal, () =>
          backup(context, server, options, sink),
        ),
      ),
    planRestore: (context, manifest, chosen) =>
      connected("plan-restore", context, async (server) =>
        formName(chosen.form) === "data"
          ? planReplacement(context, server, options, manifest, chosen)
          : (await examine(context, server, manifest, chosen, isExact(chosen))).plan,
      ),
    fence: (context) => connected("fence", context, (server) => fence(context, server)),
    restore: (context, source, chosen) =>
      connected("restore", context, (server) =>
        formName(chosen.form) === "data"
          ? restoreByReplacing(context, server, options, source)
          : restore(context, server, source, chosen, isExact(chosen)),
      ),
    fingerprint: (context, form) =>
      connected("fingerprint", context, (server) =>
        fingerprint(context, server, formName(form), options.contentDigest ?? true),
      ),
    inspectArtifact: (artifact, content, facts) =>
      told("inspect", undefined, () => inspectArtifact(artifact, content, facts)),
    drill: (manifest, form) => drill(options, name, manifest, form, qdrantAdapter),
    recover: (record, settlement, context) =>
      told("recover", undefined, () => recover(options, name, record, settlement, context)),
  };
}
