import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  silentLogger,
  type ArtifactSource,
  type BackupErrorReason,
  type ContainerRuntime,
  type DatabaseAdapter,
  type DrillServer,
  type Fingerprint,
  type Manifest,
  type ThrowawayContainer,
  type ThrowawaySpec,
} from "@sutazai/backup-core";
import { BackupError } from "@sutazai/backup-core";
import type { DrillContext } from "../../src/index.ts";
import { formOf } from "../line-format.ts";

export type Step =
  | "throwaway"
  | "probe"
  | "plan"
  | "fence"
  | "restore"
  | "compare"
  | "restart"
  | "probe again"
  | "check files";

export const recorded: Fingerprint = { rows: { exact: 3 }, size: { bounds: [1, 9] } };

/** A kind whose servers are objects: each step can be made to fail, and all of them are remembered. */
export class FakeKind {
  readonly steps: string[] = [];
  readonly specs: ThrowawaySpec[] = [];
  /** What the server has, by comparison. */
  found: Fingerprint[] = [{ rows: { exact: 3 }, size: { exact: 5 } }];
  outOfMemory = false;
  state: "running" | "exited" = "running";
  dockerIsGone = false;
  readonly scratch: string = mkdtempSync(join(tmpdir(), "drill-"));
  readonly #faults = new Map<string, () => unknown>();
  #restarted = false;

  at(step: Step, fault: () => unknown): this {
    this.#faults.set(step, fault);
    return this;
  }

  failing(step: Step, reason: BackupErrorReason, details: Readonly<Record<string, unknown>> = {}): this {
    return this.at(step, () => {
      throw new BackupError(reason, `broke at ${step}`, { details });
    });
  }

  get adapter(): DatabaseAdapter {
    return { ...this.database, drill: () => this.#server() };
  }

  context(signal: AbortSignal = new AbortController().signal): DrillContext {
    return {
      logger: silentLogger,
      scratch: this.scratch,
      signal,
      progress: () => undefined,
      containers: {
        throwaway: (spec: ThrowawaySpec) => this.#throwaway(spec),
        recover: async ({ action }) => void this.steps.push(`containers recover ${action}`),
      } as Partial<ContainerRuntime> as ContainerRuntime,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.scratch, { recursive: true });
  }

  async #throwaway(spec: ThrowawaySpec): Promise<ThrowawayContainer> {
    this.specs.push(spec);
    this.#reach("throwaway");
    let isGone = false;
    return {
      id: "container",
      inspect: async () => {
        if (this.dockerIsGone) throw new BackupError("connection", "Docker does not answer");
        return { state: this.state } as Awaited<ReturnType<ThrowawayContainer["inspect"]>>;
      },
      restart: async () => {
        this.#restarted = true;
        this.#reach("restart");
      },
      logs: async () => "the last words",
      ranOutOfMemory: async () => this.outOfMemory,
      [Symbol.asyncDispose]: async () => {
        if (!isGone) this.steps.push("gone");
        isGone = true;
      },
    };
  }

  #server(): DrillServer {
    return {
      container: { command: ["serve"], freshVolumes: ["/data"] },
      adapter: () => this.database,
      compare: async () => {
        this.#reach("compare");
        const fingerprint = this.found.length > 1 ? this.found.shift() : this.found[0];
        return { fingerprint: fingerprint ?? {}, expected: recorded, evidence: ["looked"], warnings: [] };
      },
      checkFiles: async () => {
        this.#reach("check files");
        return ["files checked"];
      },
    };
  }

  /** Without drills. */
  get database(): DatabaseAdapter {
    return {
      kind: "redis",
      name: "db",
      capabilities: {
        forms: [{ name: "lines", pointInTime: true, byDefault: true }],
        restoreMethods: [
          { name: "replace", restarts: false, fence: "isolated" },
          { name: "import", restarts: false, fence: "isolated" },
        ],
        restoresPart: false,
      },
      probe: async () => {
        this.#reach(this.#restarted ? "probe again" : "probe");
        return { version: "8.2", resource: "", container: undefined, sizeEstimate: undefined, warnings: [] };
      },
      planRestore: async (_context, _manifest, { form, method }) => {
        if (form === "pages" && method !== "import") throw new BackupError("unsupported", "pages are imported");
        this.#reach("plan");
        return { steps: [], warnings: [] };
      },
      fence: async ({ journal }) => {
        await journal.record({ part: "containers", action: "isolated", data: null });
        this.#reach("fence");
      },
      restore: async ({ journal }) => {
        await journal.record({ part: "db", action: "replaced", data: null });
        this.#reach("restore");
        return { fingerprint: { ...recorded, size: { exact: 5 } }, expected: recorded, evidence: [], warnings: [] };
      },
      recover: async ({ action }, settlement) => void this.steps.push(`${settlement} ${action}`),
      backup: () => Promise.reject(new Error("never in a drill")),
      fingerprint: () => Promise.reject(new Error("never in a drill")),
      inspectArtifact: () => Promise.reject(new Error("never in a drill")),
    };
  }

  #reach(step: Step): void {
    this.steps.push(step);
    this.#faults.get(step)?.();
  }
}

export function sourceOf(change: Partial<Manifest> = {}): ArtifactSource {
  const manifest = {
    id: "id1",
    database: "db",
    kind: "redis",
    container: { imageId: "sha256:abc" },
    forms: [formOf("lines", ["a.txt"], recorded)],
    ...change,
  } as Partial<Manifest> as Manifest;
  return { manifest, read: () => (async function* () {})() };
}
