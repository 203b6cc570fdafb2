import {
  compareFingerprints,
  describeDifference,
  toBackupError,
  type Bytes,
  type DatabaseAdapter,
  type Fingerprint,
  type FormFacts,
  type Json,
} from "@sutazai/backup-core";
import type { Verification } from "./verification.ts";

/** What is to be proven: a published backup, or one that is staged and not published yet. */
export interface Candidate {
  readonly artifacts: readonly { readonly name: string }[];
  readonly forms: readonly FormFacts[];
  readonly details: Json;
  /** The plain bytes as they were stored, digests checked. */
  read(name: string): Bytes;
}

/**
 * Reads every artifact back, in its own format, to its end, and compares what it says of itself with the fingerprint of its
 * form. Throws only where the signal ends it; everything that is wrong is in `problems`.
 */
export async function verifyStructure(
  candidate: Candidate,
  adapter: Pick<DatabaseAdapter, "inspectArtifact">,
  signal: AbortSignal,
): Promise<Verification> {
  const startedAt = new Date().toISOString();
  const problems: string[] = [];
  let bytes = 0;
  const facts = new Map<string, Fingerprint>();
  for (const { name } of candidate.artifacts) {
    signal.throwIfAborted();
    const passed: Passed = { bytes: 0, ended: false };
    try {
      const content = watched(candidate.read(name), passed, signal);
      const inspection = await adapter.inspectArtifact(name, content, { details: candidate.details, signal });
      facts.set(name, inspection.facts);
      if (!passed.ended) problems.push(`${name}: was not read to its end`);
    } catch (thrown) {
      signal.throwIfAborted();
      problems.push(`${name}: ${toBackupError(thrown).message}`);
    }
    bytes += passed.bytes;
  }

  let factsConfirmed = 0;
  let factsOpen = 0;
  for (const form of candidate.forms) {
    const missing = form.artifacts.filter((name) => !candidate.artifacts.some((artifact) => artifact.name === name));
    problems.push(...missing.map((name) => `form ${form.name} names the artifact ${name}, which is not there`));
    const found: Fingerprint = Object.assign({}, ...form.artifacts.map((name) => facts.get(name) ?? {}));
    const expected = Object.fromEntries(Object.entries(form.fingerprint).filter(([fact]) => fact in found));
    const differences = compareFingerprints(expected, found);
    problems.push(...differences.map((difference) => `form ${form.name}: ${describeDifference(difference)}`));
    factsConfirmed += Object.keys(found).length - differences.length;
    factsOpen += Object.entries(form.fingerprint).filter(
      ([fact, value]) => "exact" in value && !(fact in found),
    ).length;
  }
  return {
    level: "structure",
    ok: problems.length === 0,
    problems,
    evidence: { artifacts: candidate.artifacts.length, bytes, factsConfirmed, factsOpen },
    startedAt,
    endedAt: new Date().toISOString(),
  };
}

/** Counts what passes, and notes whether the end came: an adapter that stops early has proven nothing. */
async function* watched(content: Bytes, passed: Passed, signal: AbortSignal): Bytes {
  for await (const chunk of content) {
    signal.throwIfAborted();
    passed.bytes += chunk.length;
    yield chunk;
  }
  passed.ended = true;
}

interface Passed {
  bytes: number;
  ended: boolean;
}
