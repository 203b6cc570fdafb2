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
import { backup } from "./backup.ts";
import { drill } from "./drill.ts";
import { fingerprint } from "./fingerprint.ts";
import { inspectArtifact } from "./inspect.ts";
import { redisOptionsSchema, type RedisOptions } from "./options.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { restoreOffline, restoreStopped } from "./restore/offline.ts";
import { restoreOnline } from "./restore/online.ts";
import { formName, methodName, planRestore, type MethodName } from "./restore/plan.ts";
import { makeReadOnly } from "./restore/read-only.ts";
import { lookAtStopped, planStopped, type StoppedServer } from "./restore/stopped.ts";
import { Server } from "./server.ts";
import { locate, type Target } from "./target.ts";

const restorers: Readonly<Record<MethodName, typeof restoreOffline>> = {
  offline: restoreOffline,
  online: restoreOnline,
};

/** One Redis or Valkey server. Does no I/O; throws `configuration` for options that are none. */
export function redisAdapter(options: RedisOptions): DatabaseAdapter {
  return new RedisAdapter(options);
}

class RedisAdapter implements DatabaseAdapter {
  readonly kind = "redis";
  readonly name: string;
  readonly capabilities: AdapterCapabilities;
  readonly #options: RedisOptions;

  constructor(options: RedisOptions) {
    const parsed = redisOptionsSchema.safeParse(options);
    if (!parsed.success) {
      throw new BackupError(
        "configuration",
        `the options of a Redis database: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
        {
          operation: "redis.options",
          hint: "mend the settings named",
        },
      );
    }
    this.#options = options;
    this.name = options.name ?? "redis";
    const taken = options.forms ?? ["rdb"];
    this.capabilities = {
      forms: [...taken].map((name) => ({ name, pointInTime: true, byDefault: true })),
      restoreMethods: [
        { name: "offline", restarts: true, fence: "isolated", removesOthers: "always" },
        { name: "online", restarts: false, fence: "read-only", removesOthers: "always" },
      ],
      restoresPart: false,
    };
  }

  probe(context: OperationContext): Promise<Probe> {
    return this.#connected(context, "probe", probe);
  }

  backup(context: OperationContext, sink: ArtifactSink): Promise<BackupFacts> {
    const forms = this.#options.forms ?? ["rdb"];
    return this.#connected(context, "backup", (target, server) => backup(context, target, server, forms, sink));
  }

  planRestore(context: OperationContext, manifest: Manifest, options: RestoreOptions): Promise<RestorePlan> {
    return this.#connected(
      context,
      "plan",
      (target, server) => planRestore(context, target, server, manifest, options),
      (stopped) => planStopped(context, stopped, manifest, options),
    );
  }

  fence(context: OperationContext, _options: RestoreOptions): Promise<void> {
    return this.#connected(
      context,
      "fence",
      (target, server) => makeReadOnly(context, target, server),
      // Nobody writes to what does not run.
      async () => undefined,
    );
  }

  restore(context: OperationContext, source: ArtifactSource, options: RestoreOptions): Promise<RestoreFacts> {
    return this.#connected(
      context,
      "restore",
      (target, server) =>
        restorers[methodName(options.method)](context, target, server, source, formName(options.form)),
      (stopped) => restoreStopped(context, stopped, source, formName(options.form)),
    );
  }

  fingerprint(context: OperationContext, form: string): Promise<Fingerprint> {
    return this.#connected(context, "fingerprint", async (target, server) => {
      formName(form);
      return fingerprint(context, target, server);
    });
  }

  inspectArtifact(name: string, content: Bytes, facts: InspectionContext): Promise<Inspection> {
    return this.#named("inspect", undefined, () => inspectArtifact(name, content, facts));
  }

  drill(manifest: Manifest, form: string): DrillServer {
    return drill(this.#options, this.name, manifest, form, redisAdapter);
  }

  recover(record: JournalRecord, settlement: Settlement, context: RecoveryContext): Promise<void> {
    return this.#named("recover", undefined, () => recover(this.#options, record, settlement, context));
  }

  #connected<T>(
    context: OperationContext,
    operation: string,
    use: (target: Target, server: Server) => Promise<T>,
    useStopped?: (stopped: StoppedServer) => Promise<T>,
  ): Promise<T> {
    return this.#named(operation, context.signal, async () => {
      if (useStopped !== undefined) {
        const stopped = await lookAtStopped(context, this.#options, this.name);
        if (stopped !== undefined) return useStopped(stopped);
      }
      const target = await locate(this.#options, this.name, context.containers);
      await using server = await Server.connect(target, context.signal);
      return await use(target, server);
    });
  }

  #named<T>(operation: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    return attempt({ operation: `redis.${operation}`, database: this.name, signal }, run);
  }
}
