import { createHash } from "node:crypto";
import {
  BackupError,
  type ArtifactEntry,
  type Bytes,
  type DatabaseAdapter,
  type Fact,
  type FormFacts,
} from "@sutazai/backup-core";
import type { StructureSource } from "../src/index.ts";

/**
 * A format of its own for these tests: lines of text, `end` as the last. Settles how many lines there are. The adapter is
 * a real reader of it: it finds what is cut off or is no text.
 */
export const lineAdapter: Pick<DatabaseAdapter, "inspectArtifact"> = {
  inspectArtifact: async (name, content, { signal }) => {
    const decoder = new TextDecoder("utf8", { fatal: true });
    let text = "";
    let offset = 0;
    for await (const chunk of content) {
      signal.throwIfAborted();
      try {
        text += decoder.decode(chunk, { stream: true });
      } catch (cause) {
        throw new BackupError("corrupt", `no text near byte ${offset}`, { cause });
      }
      offset += chunk.length;
    }
    if (!text.endsWith("\nend\n") && text !== "end\n")
      throw new BackupError("corrupt", `ends at byte ${offset} without its last line`);
    return { facts: { [`lines:${name}`]: { exact: text.split("\n").length - 2 } } };
  },
};

export function linesOf(count: number): string {
  return `${"a line\n".repeat(count)}end\n`;
}

/** A backup in memory whose reader checks digests as a store's does. */
export class HeldBackup implements StructureSource {
  readonly artifacts: Pick<ArtifactEntry, "name" | "plain">[] = [];
  readonly details = null;
  readonly forms: readonly FormFacts[];
  /** Changed by tests, after the digests were taken. */
  readonly contents = new Map<string, Buffer>();
  readonly reads: string[] = [];
  readonly open = { now: 0, most: 0 };

  constructor(contents: Readonly<Record<string, string>>, forms: readonly FormFacts[]) {
    this.forms = forms;
    for (const [name, text] of Object.entries(contents)) {
      const content = Buffer.from(text);
      this.contents.set(name, content);
      this.artifacts.push({ name, plain: { bytes: content.length, sha256: digestOf(content) } });
    }
  }

  async *read(name: string): Bytes {
    const content = this.contents.get(name) ?? Buffer.alloc(0);
    const entry = this.artifacts.find((artifact) => artifact.name === name);
    this.reads.push(name);
    this.open.now += 1;
    this.open.most = Math.max(this.open.most, this.open.now);
    try {
      for (let start = 0; start < content.length; start += 64) {
        await new Promise((resolve) => setImmediate(resolve));
        yield content.subarray(start, start + 64);
      }
      if (digestOf(content) !== entry?.plain.sha256) throw new BackupError("corrupt", "has another SHA-256");
    } finally {
      this.open.now -= 1;
    }
  }
}

export function formOf(
  name: string,
  artifacts: readonly string[],
  fingerprint: Readonly<Record<string, Fact>>,
): FormFacts {
  const time = "2026-11-23T13:00:00Z";
  return {
    name,
    method: "test",
    capture: { from: time, to: time },
    pausedMs: 0,
    artifacts,
    fingerprint,
    notCovered: [],
  };
}

function digestOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
