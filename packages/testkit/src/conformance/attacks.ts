import { BackupError, isBackupError } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { Fault } from "../fault.ts";
import { killTools } from "../leftovers.ts";
import { expectEqual, failureOf } from "./expectations.ts";
import type { Workbench } from "./workbench.ts";

/** What users of such tools have suffered from: a capture that went wrong half-way, and was called a success. */
export function attacks(use: () => Workbench): void {
  test("a backup whose tools are killed half-way, as for want of memory, fails or is whole", async ({ skip }) => {
    let killed = 0;
    await expectFailureOrWhole(use(), async () => {
      killed = await killTools();
    });
    if (killed === 0) skip("no tool of this adapter runs then");
  });

  test("a backup during which the server restarts fails or is whole", async () => {
    const bench = use();
    await expectFailureOrWhole(bench, () => bench.server.restart());
  });

  test("a backup for which the disk is full at its very last byte fails", async () => {
    const bench = use();
    const { bytes } = await bench.sample();
    await bench.refill();
    const before = await bench.state();
    // The size differs a little from backup to backup: a last chunk is as late as it gets.
    const fault = new Fault(Math.floor(bytes * 0.97), () => {
      throw new BackupError("no-space", "the store is full", { operation: "store.write", hint: "make room" });
    });
    await failureOf(bench.backup({ fault }), bench.adapter.name, "no-space");
    expect(await bench.leftovers()).toEqual([]);
    expect(await bench.changesSince(before)).toEqual([]);
  });
}

async function expectFailureOrWhole(bench: Workbench, act: () => Promise<void>): Promise<void> {
  const { bytes } = await bench.sample();
  await bench.refill();
  const before = await bench.state();
  const fault = new Fault(bytes * 0.5, act);
  const backup = await bench.backup({ fault }).catch((error: unknown) => {
    if (!isBackupError(error)) throw error;
    return undefined;
  });
  expect(fault.happened).toBe(true);
  for (const { name, fingerprint } of backup?.manifest.forms ?? []) expectEqual(fingerprint, before[name] ?? {});
  await bench.recover();
  expect(await bench.leftovers()).toEqual([]);
  expect(await bench.changesSince(before)).toEqual([]);
}
