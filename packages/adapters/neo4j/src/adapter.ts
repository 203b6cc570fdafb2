import {
  BackupError,
  attempt,
  type AdapterCapabilities,
  type ArtifactSink,
  type ArtifactSource,
  type BackupFacts,
  type Bytes,
  type DatabaseAdapter,
  type DrillServer,
  type Fingerprint,
  type Inspection,
  type InspectionContext,
  type JournalRecord,
  type Manifest,
  type OperationContext,
  type Probe,
  type RecoveryContext,
  type RestoreFacts,
  type RestoreOptions,
  type RestorePlan,
  type Settlement,
} from "@sutazai/backup-core";
import { backup, methodsOf } from "./backup.ts";
import { drill } from "./drill.ts";
import { readContent, usersFact } from "./fingerprint.ts";
import { formName, formOfMethod } from "./forms.ts";
import { inspectArtifact } from "./inspect.ts";
import { neo4jOptionsSchema, type Neo4jOptions } from "./options.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { methodName, planRestore, restorable } from "./restore/plan.ts";
import { restoreByReplacing } from "./restore/replace.ts";
import { Server } from "./server.ts";
import { locate, stoppedSite, withContainer, type Site, type Target } from "./target.ts";

/** One Neo4j server with all its databases. Does no I/O; throws `configuration` for options that are none. */
export function neo4jAdapter(options: Neo4jOptions): DatabaseAdapter {
  return new Neo4jAdapter(options);
}

class Neo4jAdapter implements DatabaseAdapter {
  readonly kind = "neo4j";
  readonly name: string;
  readonly capabilities: AdapterCapabilities;
  readonly #options: Neo4jOptions;

  constructor(options: Neo4jOptions) {
    const parsed = neo4jOptionsSchema.safeParse(options);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
      throw new BackupError("configuration", `the options of a Neo4j database: ${issues}`, {
        operation: "neo4j.options",
        hint: "mend the settings named",
      });
    }
    this.#options = options;
    this.name = options.name ?? "neo4j";
    const [first, ...others] = [...new Set(methodsOf(options).map((method) => formOfMethod[method]))];
    this.capabilities = {
      forms: [first ?? "dump", ...others].map((name) => ({
        name,
        pointInTime: name !== "export",
        byDefault: name === first,
      })),
      restoreMethods: [
        { name: methodName, forms: ["dump", "data"], restarts: true, fence: "isolated", removesOthers: "always" },
      ],
      restoresPart: false,
    };
  }

  probe(context: OperationContext): Promise<Probe> {
    return this.#connected(context, "probe", probe);
  }

  backup(context: OperationContext, sink: ArtifactSink): Promise<BackupFacts> {
    return this.#connected(context, "backup", (target, server) => backup(context, target, server, this.#options, sink));
  }

  planRestore(context: OperationContext, manifest: Manifest, options: RestoreOptions): Promise<RestorePlan> {
    return this.#located(context, "plan", (target, server) =>
      planRestore(context, target, server, manifest, options, this.#options),
    );
  }

  fence(context: OperationContext, _options: RestoreOptions): Promise<void> {
    const { containers, journal } = context;
    return this.#located(context, "fence", (target) =>
      containers.isolate(withContainer(target).container.id, { journal }),
    );
  }

  restore(context: OperationContext, source: ArtifactSource, options: RestoreOptions): Promise<RestoreFacts> {
    return this.#located(context, "restore", (target) =>
      restoreByReplacing(context, target, source, restorable(options), this.#options),
    );
  }

  fingerprint(context: OperationContext, form: string): Promise<Fingerprint> {
    return this.#connected(context, "fingerprint", async (_target, server) => {
      const wanted = formName(form);
      const { [usersFact]: users, ...graphs } = (await readContent(server)).fingerprint;
      return wanted === "export" || users === undefined ? graphs : { ...graphs, [usersFact]: users };
    });
  }

  inspectArtifact(name: string, content: Bytes, facts: InspectionContext): Promise<Inspection> {
    return this.#named("inspect", undefined, () => inspectArtifact(name, content, facts));
  }

  drill(manifest: Manifest, form: string): DrillServer {
    return drill(this.name, manifest, form, neo4jAdapter);
  }

  recover(record: JournalRecord, settlement: Settlement, context: RecoveryContext): Promise<void> {
    return this.#named("recover", undefined, () => recover(this.#options, record, settlement, context));
  }

  #connected<T>(
    context: OperationContext,
    operation: string,
    use: (target: Target, server: Server) => Promise<T>,
  ): Promise<T> {
    return this.#named(operation, context.signal, async () => {
      const target = await locate(this.#options, this.name, context.containers);
      await using server = await Server.connect(target, context.signal);
      return await use(target, server);
    });
  }

  /** A server whose data is exchanged need not run: one that does not start is mended that way. */
  #located<T>(
    context: OperationContext,
    operation: string,
    use: (target: Site, server: Server | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#named(operation, context.signal, async () => {
      const stopped = await stoppedSite(this.#options, this.name, context.containers);
      return stopped === undefined ? this.#connected(context, operation, use) : use(stopped, undefined);
    });
  }

  #named<T>(operation: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    return attempt({ operation: `neo4j.${operation}`, database: this.name, signal }, run);
  }
}
