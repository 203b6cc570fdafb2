import { createHash } from "node:crypto";
import {
  BackupError,
  type ArtifactSink,
  type ArtifactSource,
  type BackupFacts,
  type Bytes,
  type DatabaseAdapter,
  type Fingerprint,
  type InspectionContext,
  type JournalRecord,
  type OperationContext,
  type Probe,
  type RestoreFacts,
  type RestoreOptions,
  type Settlement,
} from "@sutazai/backup-core";

type Step = "probe" | "backup" | "plan" | "fence" | "restore" | "replaced" | "recover";

/** A database of lines, held here. Fails or waits where a test tells it to. */
export class FakeDatabase implements DatabaseAdapter {
  readonly kind = "redis";
  name: string;
  readonly capabilities = {
    forms: [
      { name: "lines", pointInTime: true, byDefault: true },
      { name: "listing", pointInTime: true, byDefault: false },
    ],
    restoreMethods: [
      { name: "replace", forms: ["lines"], restarts: false, fence: "read-only", removesOthers: "on-request" },
      { name: "careless", forms: ["lines"], restarts: false, fence: "none" },
    ],
    restoresPart: false,
  } as const;
  lines: readonly string[];
  /** In which it is backed up: `listing` is restored by nothing. */
  form: "lines" | "listing" = "lines";
  fenced = false;
  incomplete: readonly string[] = [];
  /** What a plan says. */
  steps: readonly string[] = [];
  /** What it is in: databases of the same one are locked together. */
  resource: string;
  readonly calls: Step[] = [];
  /** What the last restore was asked for. */
  asked: RestoreOptions | undefined;
  readonly #faults = new Map<Step, (context?: OperationContext) => void | Promise<void>>();

  constructor(name: string, lines: readonly string[]) {
    this.name = name;
    this.lines = lines;
    this.resource = `fake://${name}`;
  }

  /** Runs `fault` when a step is reached; by default it throws. */
  at(step: Step, fault: (context?: OperationContext) => void | Promise<void> = () => fail(step)): this {
    this.#faults.set(step, fault);
    return this;
  }

  heal(): this {
    this.#faults.clear();
    return this;
  }

  async probe(context: OperationContext): Promise<Probe> {
    await this.#reach("probe", context);
    return {
      version: "1",
      resource: this.resource,
      container: undefined,
      sizeEstimate: undefined,
      warnings: [],
    };
  }

  async backup(context: OperationContext, sink: ArtifactSink): Promise<BackupFacts> {
    const lines = this.lines;
    await sink.write("lines.txt", bytesOf(lines));
    await this.#reach("backup", context);
    const now = new Date().toISOString();
    return {
      serverVersion: "1",
      forms: [
        {
          name: this.form,
          method: "copy",
          capture: { from: now, to: now },
          pausedMs: 0,
          artifacts: ["lines.txt"],
          fingerprint: fingerprintOf(lines),
          notCovered: [],
        },
      ],
      incomplete: this.incomplete,
      warnings: [],
      empty: lines.length === 0,
      details: null,
    };
  }

  async planRestore(context: OperationContext) {
    await this.#reach("plan", context);
    return { steps: this.steps, warnings: [] };
  }

  async fence(context: OperationContext): Promise<void> {
    await context.journal.record({ part: this.name, action: "fenced", data: null });
    this.fenced = true;
    await this.#reach("fence", context);
  }

  async restore(context: OperationContext, source: ArtifactSource, options: RestoreOptions): Promise<RestoreFacts> {
    this.asked = options;
    await this.#reach("restore", context);
    const lines = await linesOf(source.read("lines.txt"));
    await context.journal.record({ part: this.name, action: "replaced", data: { before: [...this.lines] } });
    this.lines = lines;
    await this.#reach("replaced", context);
    return {
      fingerprint: fingerprintOf(this.lines),
      expected: source.manifest.forms[0]?.fingerprint ?? {},
      evidence: ["looked"],
      warnings: [],
    };
  }

  async fingerprint(): Promise<Fingerprint> {
    return fingerprintOf(this.lines);
  }

  async inspectArtifact(_name: string, content: Bytes, _context?: InspectionContext) {
    return { facts: fingerprintOf(await linesOf(content)) };
  }

  async recover(record: JournalRecord, settlement: Settlement): Promise<void> {
    await this.#reach("recover");
    if (record.action === "fenced") this.fenced = false;
    else if (settlement === "undo") this.lines = (record.data as { before: string[] }).before;
  }

  async #reach(step: Step, context?: OperationContext): Promise<void> {
    this.calls.push(step);
    await this.#faults.get(step)?.(context);
  }
}

function fail(step: Step): never {
  throw new BackupError("tool-failed", `broke at ${step}`);
}

async function* bytesOf(lines: readonly string[]): Bytes {
  for (const line of lines) yield Buffer.from(`${line}\n`);
}

async function linesOf(content: Bytes): Promise<string[]> {
  let text = "";
  for await (const chunk of content) text += Buffer.from(chunk).toString();
  return text.split("\n").slice(0, -1);
}

function fingerprintOf(lines: readonly string[]): Fingerprint {
  return {
    lines: { exact: lines.length },
    digest: {
      exact: createHash("sha256")
        .update([...lines].sort().join("\n"))
        .digest("hex"),
    },
  };
}
