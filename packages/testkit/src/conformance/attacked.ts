import { compareFingerprints, describeDifference, isBackupError, type Fingerprint } from "@sutazai/backup-core";
import { expect } from "vitest";
import type { MemoryBackup } from "../memory-backup.ts";
import type { RunOptions, Workbench } from "./workbench.ts";

/** A server with the sample content, before something happens to a backup of it. */
export interface Attacked {
  readonly bench: Workbench;
  /** A good backup of the same content. */
  readonly sample: MemoryBackup;
  /** What a backup may be of, by form: the content as it was, and what it has become since. */
  readonly states: Readonly<Record<string, Fingerprint>>[];
}

export async function prepareAttack(bench: Workbench): Promise<Attacked> {
  const sample = await bench.sample();
  await bench.refill();
  return { bench, sample, states: [await bench.state()] };
}

/** How a backup ends: with an error, with reasons why it is not everything, or as a success, which must then be one. */
export async function expectNoSilentSuccess(
  attacked: Attacked,
  options: RunOptions,
  what: string = "the attack",
): Promise<"failed" | "partial" | "whole"> {
  let backup: MemoryBackup;
  try {
    backup = await attacked.bench.backup(options);
  } catch (error) {
    if (!isBackupError(error)) throw error;
    expect(error, `${what}: ${error.message}`).toMatchObject({ database: attacked.bench.adapter.name });
    return "failed";
  }
  const { status, incomplete } = backup.manifest;
  if (status === "partial") {
    expect(incomplete.join(), what).toMatch(/\w/);
    return "partial";
  }
  expect(await wrongWith(attacked, backup), `${what}, and it is called a success`).toEqual([]);
  return "whole";
}

/** How the server is not as it was, and what of ours is left there. */
export async function differenceFrom({ bench, states }: Attacked): Promise<string[]> {
  return [...(await bench.leftovers()), ...(await bench.changesSince(states[0] ?? {}))];
}

/** Everything by which a backup is not one of the content, by what it says of itself and by what its artifacts are. */
async function wrongWith({ bench, sample, states }: Attacked, backup: MemoryBackup): Promise<string[]> {
  const { forms, details } = backup.manifest;
  const wrong = forms.flatMap(({ name, fingerprint }) => {
    const differences = states.map((state) => compareFingerprints(fingerprint, state[name] ?? {}));
    return (differences.find(({ length }) => length === 0) ?? differences.flat()).map(describeDifference);
  });
  const signal = new AbortController().signal;
  for (const name of backup.artifacts.keys()) {
    await bench.adapter
      .inspectArtifact(name, backup.read(name), { details, signal })
      .catch((error: unknown) => wrong.push(`${name}: ${String(error)}`));
  }
  // What has changed meanwhile may have become less.
  if (states.length > 1) return wrong;
  for (const [name, { length }] of sample.artifacts) {
    const found = backup.artifacts.get(name)?.length ?? 0;
    if (found < length * 0.9) wrong.push(`${name} has ${found} bytes instead of about ${length}`);
  }
  return wrong;
}
