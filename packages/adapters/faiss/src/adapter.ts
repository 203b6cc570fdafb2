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
import { backup, formName } from "./backup.ts";
import { drill } from "./drill.ts";
import { fingerprint } from "./fingerprint.ts";
import { inspectArtifact } from "./inspect.ts";
import { faissOptionsSchema, rulesOf, type FaissOptions, type SetRules } from "./options.ts";
import { probe } from "./probe.ts";
import { recover } from "./recover.ts";
import { assertForm, methodName, planRestore } from "./restore/plan.ts";
import { restoreByReplacing } from "./restore/replace.ts";
import { fence } from "./restore/service.ts";
import { locate, type Target } from "./target.ts";

/** One set of FAISS index files and what belongs to them. Does no I/O; throws `configuration` for options that are none. */
export function faissAdapter(options: FaissOptions): DatabaseAdapter {
  return new FaissAdapter(options);
}

/** A restore works on files: whose service does not run can be restored as well. */
const mayBeStopped = { mayBeStopped: true };

class FaissAdapter implements DatabaseAdapter {
  readonly kind = "faiss";
  readonly name: string;
  readonly capabilities: AdapterCapabilities;
  readonly #options: FaissOptions;
  readonly #rules: SetRules;

  constructor(options: FaissOptions) {
    const parsed = faissOptionsSchema.safeParse(options);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
      throw new BackupError("configuration", `the options of a FAISS database: ${issues}`, {
        operation: "faiss.options",
        hint: "mend the settings named",
      });
    }
    this.#options = options;
    this.#rules = rulesOf(options);
    this.name = options.name ?? "faiss";
    const isOnHost = options.container === undefined && options.volume === undefined;
    this.capabilities = {
      forms: [{ name: formName, pointInTime: true, byDefault: true }],
      restoreMethods: [
        {
          name: methodName,
          restarts: !isOnHost || options.service !== undefined,
          fence: isOnHost && options.service === undefined ? "none" : "isolated",
          removesOthers: "always",
        },
      ],
      restoresPart: false,
    };
  }

  probe(context: OperationContext): Promise<Probe> {
    return this.#located(context, "probe", (target) => probe(context, target));
  }

  backup(context: OperationContext, sink: ArtifactSink): Promise<BackupFacts> {
    return this.#located(context, "backup", (target) => backup(context, target, this.#rules, sink));
  }

  planRestore(context: OperationContext, manifest: Manifest, options: RestoreOptions): Promise<RestorePlan> {
    return this.#located(
      context,
      "plan",
      (target) => planRestore(context, target, this.#options, manifest, options),
      mayBeStopped,
    );
  }

  fence(context: OperationContext, _options: RestoreOptions): Promise<void> {
    return this.#located(context, "fence", (target) => fence(context, target, this.#options, this.name), mayBeStopped);
  }

  restore(context: OperationContext, source: ArtifactSource, options: RestoreOptions): Promise<RestoreFacts> {
    const replace = (target: Target): Promise<RestoreFacts> => {
      assertForm(options.form);
      return restoreByReplacing(context, target, this.#options, source, this.name);
    };
    return this.#located(context, "restore", replace, mayBeStopped);
  }

  fingerprint(context: OperationContext, form: string): Promise<Fingerprint> {
    return this.#located(context, "fingerprint", (target) => {
      assertForm(form);
      return fingerprint(context, target, this.#rules);
    });
  }

  inspectArtifact(name: string, content: Bytes, facts: InspectionContext): Promise<Inspection> {
    return this.#named("inspect", undefined, () => inspectArtifact(name, content, this.#rules, facts));
  }

  drill(manifest: Manifest, form: string): DrillServer {
    return drill(this.#options, this.name, manifest, form, faissAdapter);
  }

  recover(record: JournalRecord, settlement: Settlement, context: RecoveryContext): Promise<void> {
    return this.#named("recover", undefined, () => recover(this.#options, record, settlement, context));
  }

  #located<T>(
    context: OperationContext,
    operation: string,
    use: (target: Target) => Promise<T>,
    place: { readonly mayBeStopped?: boolean } = {},
  ): Promise<T> {
    return this.#named(operation, context.signal, async () => {
      return use(await locate(this.#options, context.containers, place));
    });
  }

  #named<T>(operation: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    return attempt({ operation: `faiss.${operation}`, database: this.name, signal }, run);
  }
}
