import { join } from "node:path";
import {
  BackupError,
  compareFingerprints,
  describeDifference,
  Journal,
  toBackupError,
  type ArtifactSource,
  type DatabaseAdapter,
  type DrillServer,
  type FormFacts,
  type OpenOperation,
  type OperationContext,
  type Recoverer,
  type RestoreFacts,
  type RestoreOptions,
  type RestorePlan,
  type ThrowawayContainer,
} from "@sutazai/backup-core";
import type { DrilledForm } from "../verification.ts";
import { explain, isFinding, type Phase } from "./blame.ts";
import { untilAnswering } from "./readiness.ts";
import { Stopwatch } from "./stopwatch.ts";
import type { DrillContext } from "./verify-restore.ts";

interface ServerOptions {
  readonly image: string;
  readonly memoryLimit: number;
}

type Finding = Omit<DrilledForm, "startUpMs" | "restoreMs" | "checkMs">;

/** Nothing is left to undo once the server is gone. */
const nothingLeft: Recoverer = { recover: () => Promise.resolve() };

/** Restores one form into a server of its own. Throws what says nothing about the backup; the server is gone whatever happens. */
export async function drillForm(
  source: ArtifactSource,
  form: FormFacts,
  adapter: DatabaseAdapter,
  options: ServerOptions,
  context: DrillContext,
): Promise<DrilledForm> {
  const { name: database, kind } = adapter;
  const server = adapter.drill?.(source.manifest, form.name);
  if (server === undefined) {
    throw new BackupError("unsupported", `a ${kind} database cannot be drilled`, {
      operation: "drill",
      database,
      hint: "verify it with --level structure",
    });
  }
  const clock = new Stopwatch<Phase>();
  context.progress({ step: `starting an empty server for the form ${form.name}` });
  await using container = await clock.during("start", () =>
    context.containers
      .throwaway({ ...server.container, ...options, purpose: `drill-${kind}`, signal: context.signal })
      .catch((error: unknown) => {
        throw withoutImage(error, options.image, database);
      }),
  );
  const drill = new FormDrill(source, form, server, container, options.memoryLimit, context, clock);
  const finding = await drill.run();
  return { ...finding, startUpMs: clock.of("start"), restoreMs: clock.of("restore"), checkMs: clock.of("check") };
}

/** What happens in one server, and what is known of it so far. */
class FormDrill {
  readonly #source: ArtifactSource;
  readonly #form: FormFacts;
  readonly #server: DrillServer;
  readonly #database: DatabaseAdapter;
  readonly #container: ThrowawayContainer;
  readonly #memoryLimit: number;
  readonly #context: DrillContext;
  readonly #clock: Stopwatch<Phase>;
  #isGone = false;
  #finding: Finding;

  constructor(
    source: ArtifactSource,
    form: FormFacts,
    server: DrillServer,
    container: ThrowawayContainer,
    memoryLimit: number,
    context: DrillContext,
    clock: Stopwatch<Phase>,
  ) {
    this.#source = source;
    this.#form = form;
    this.#server = server;
    this.#database = server.adapter(container.id);
    this.#container = container;
    this.#memoryLimit = memoryLimit;
    this.#context = context;
    this.#clock = clock;
    this.#finding = {
      name: form.name,
      method: this.#database.capabilities.restoreMethods[0]?.name ?? "",
      serverVersion: null,
      ok: false,
      problems: [],
      fingerprint: null,
      factsCompared: 0,
      afterRestart: "not reached",
      evidence: [],
      warnings: [],
    };
  }

  async run(): Promise<Finding> {
    const { scratch, containers } = this.#context;
    // Not the journal of the host: nobody else could settle these records, and they must never be settled against the database itself.
    const journal = new Journal(join(scratch, `drill-${this.#form.name}`));
    const operation = await journal.begin(
      { command: "drill", database: this.#database.name },
      ({ part }) => (part === "containers" ? containers : this.#isGone ? nothingLeft : this.#database),
      this.#context,
    );
    let phase: Phase = "start";
    try {
      await this.#clock.during(phase, () => this.#untilAnswering());
      phase = "restore";
      await this.#clock.during(phase, () => this.#restore(operation));
      phase = "check";
      await this.#clock.during(phase, () => this.#compare(operation));
      await this.#clock.during("start", () => this.#restart());
      await this.#clock.during(phase, () => this.#compareAgain(operation));
      await this.#clock.during(phase, () => this.#checkFiles(operation));
      return { ...this.#finding, ok: true };
    } catch (thrown) {
      const error = await explain(thrown, phase, this.#container, this.#memoryLimit, this.#context);
      await this.#container[Symbol.asyncDispose]();
      this.#isGone = true;
      await operation.close("undo");
      if (!isFinding(error, phase)) throw error;
      return { ...this.#finding, problems: [error.message] };
    }
  }

  async #untilAnswering(): Promise<void> {
    const { version } = await untilAnswering(this.#database, this.#container, this.#context);
    this.#finding = { ...this.#finding, serverVersion: version };
  }

  /** As `restore` does it, without what an empty server makes needless: the lock and the safety backup. */
  async #restore(journal: OpenOperation): Promise<void> {
    const context: OperationContext = { ...this.#context, journal };
    context.progress({ step: `restoring the form ${this.#form.name}` });
    const { chosen, plan } = await this.#choose(context);
    await this.#database.fence(context, chosen);
    const facts = await this.#database.restore(context, this.#source, chosen);
    this.#assertEqual(facts, "what was restored is not what was backed up");
    context.signal.throwIfAborted();
    await journal.commit();
    await journal.close("finish");
    this.#note(facts);
    this.#finding = { ...this.#finding, warnings: [...new Set([...plan.warnings, ...facts.warnings])] };
  }

  /** The first of the methods that goes with this form. */
  async #choose(context: OperationContext): Promise<{ readonly chosen: RestoreOptions; readonly plan: RestorePlan }> {
    let refusal: unknown;
    for (const { name: method } of this.#database.capabilities.restoreMethods) {
      const chosen = { form: this.#form.name, method, only: undefined };
      this.#finding = { ...this.#finding, method };
      try {
        return { chosen, plan: await this.#database.planRestore(context, this.#source.manifest, chosen) };
      } catch (error) {
        if (toBackupError(error).reason !== "unsupported") throw error;
        refusal ??= error;
      }
    }
    throw refusal;
  }

  async #compare(journal: OpenOperation): Promise<void> {
    this.#context.progress({ step: "comparing with the backup" });
    // It was just put back on its network, and may be at another address there.
    await untilAnswering(this.#database, this.#container, this.#context);
    const facts = await this.#found(journal);
    this.#assertEqual(facts, "what the server holds is not what was backed up");
    this.#note(facts);
  }

  async #restart(): Promise<void> {
    this.#context.progress({ step: "restarting the server" });
    await this.#container.restart();
    await untilAnswering(this.#database, this.#container, this.#context);
  }

  async #compareAgain(journal: OpenOperation): Promise<void> {
    this.#context.progress({ step: "comparing with the backup after a restart" });
    this.#finding = { ...this.#finding, afterRestart: "different" };
    const facts = await this.#found(journal);
    this.#assertEqual(facts, "after a restart the server does not hold what was backed up");
    this.#finding = { ...this.#finding, afterRestart: "equal" };
    this.#note({ ...facts, evidence: facts.evidence.map((line) => `after a restart: ${line}`) });
  }

  async #checkFiles(journal: OpenOperation): Promise<void> {
    const evidence = await this.#server.checkFiles?.({ ...this.#context, journal }, this.#container.id, this.#source);
    this.#finding = { ...this.#finding, evidence: [...this.#finding.evidence, ...(evidence ?? [])] };
  }

  #found(journal: OpenOperation): Promise<RestoreFacts> {
    return this.#server.compare({ ...this.#context, journal }, this.#container.id, this.#source);
  }

  #note({ fingerprint, expected, evidence }: RestoreFacts): void {
    this.#finding = {
      ...this.#finding,
      fingerprint,
      factsCompared: Object.keys(expected).length,
      evidence: [...this.#finding.evidence, ...evidence],
    };
  }

  #assertEqual({ expected, fingerprint }: RestoreFacts, what: string): void {
    const differences = compareFingerprints(expected, fingerprint).map(describeDifference);
    if (differences.length === 0 && Object.keys(expected).length > 0) return;
    const shown = differences.slice(0, 5).join("; ");
    const more = differences.length > 5 ? `; and ${differences.length - 5} more` : "";
    throw new BackupError("mismatch", `${what}: ${shown === "" ? "there was nothing to compare" : shown}${more}`, {
      operation: "drill.compare",
      database: this.#database.name,
      hint: "take another backup and drill that; look into what the message names",
      details: { differences: differences.length },
    });
  }
}

function withoutImage(error: unknown, image: string, database: string): unknown {
  if (!(error instanceof Error) || !/no such image/i.test(error.message)) return error;
  return new BackupError("not-found", `the image of the backup's server is not on this machine: ${image}`, {
    operation: "drill.start",
    database,
    hint: `pull or load it (\`docker pull\`, \`docker load\`), or name another one of the same version: the setting \`drillImage\` of database "${database}"`,
    cause: error,
  });
}
