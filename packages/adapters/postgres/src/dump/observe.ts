import type { Bytes } from "@sutazai/backup-core";
import { DumpReader, type DumpFacts } from "./facts.ts";

/** A dump on its way somewhere, read while it passes. */
export interface ObservedDump {
  readonly content: Bytes;
  /** What was in it. Throws until the content has been taken to its end. */
  facts(): DumpFacts;
}

/** Passes a dump on unchanged and computes its facts; an incomplete dump makes `content` throw `corrupt` at its end. */
export function observeDump(source: Bytes, onBytes: (total: number) => void): ObservedDump {
  const reader = new DumpReader();
  let facts: DumpFacts | undefined;
  async function* pass(): Bytes {
    let total = 0;
    for await (const chunk of source) {
      reader.push(chunk);
      total += chunk.length;
      onBytes(total);
      yield chunk;
    }
    facts = reader.finish();
  }
  return {
    content: pass(),
    facts() {
      if (facts === undefined) throw new Error("the dump has not been read to its end");
      return facts;
    },
  };
}

/** Reads a dump that goes nowhere else. */
export async function readDump(source: Bytes, onBytes: (total: number) => void): Promise<DumpFacts> {
  const dump = observeDump(source, onBytes);
  for await (const _ of dump.content);
  return dump.facts();
}
