import { BackupError, formOf, isBackupError, type AdapterCapabilities } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { Fault } from "../fault.ts";
import { Random } from "../random.ts";
import { expectEqual, failureOf, firstWay, waysToRestore } from "./expectations.ts";
import type { Depth, Workbench } from "./workbench.ts";

const random = new Random(Number(process.env["BACKUP_TEST_SEED"] ?? 1));

export function interruptions(use: () => Workbench, capabilities: AdapterCapabilities, { brief, full }: Depth): void {
  // How far the bytes have come when it happens, as a part of all.
  const moments = full ? [0, ...Array.from({ length: 9 }, () => random.below(100) / 100)] : [0.6];
  const methods = capabilities.restoreMethods.map(({ name: method }) => ({ ...firstWay(capabilities), method }));

  for (const moment of moments) {
    for (const way of methods) {
      test(`the server is killed during a restore by ${way.method}, at ${Math.round(moment * 100)} % of the bytes`, async () => {
        const bench = use();
        const backup = await bench.sample();
        await bench.refill();
        await bench.content.change(bench.server);
        const before = await bench.state();
        const fault = bench.killAfter(bytesOf(backup, way.form) * moment);
        const restored = await orBackupError(bench.restore(backup, way, { fault, withoutSafetyBackup: true }));
        expect(fault.happened).toBe(true);
        await bench.recover();
        // Restored all the same, as by a method that stops the server itself, or as if nothing had been begun.
        const { fingerprint } = formOf(backup.manifest, way.form);
        expect(await bench.changesSince(restored === undefined ? before : { [way.form]: fingerprint })).toEqual([]);
        await bench.content.write(bench.server);
      });
    }

    test(`a backup is cancelled at ${Math.round(moment * 100)} % of the bytes`, async () => {
      const bench = use();
      const { bytes } = await bench.sample();
      await bench.refill();
      const before = await bench.state();
      const cancelling = new AbortController();
      const fault = new Fault(bytes * moment, async () => {
        await bench.look();
        cancelling.abort();
      });
      await failureOf(bench.backup({ fault, signal: cancelling.signal }), bench.adapter.name, "cancelled");
      expect(fault.happened).toBe(true);
      expect(await bench.leftovers()).toEqual([]);
      expect(await bench.changesSince(before)).toEqual([]);
    });

    for (const way of methods) {
      test(`a restore by ${way.method} is cancelled at ${Math.round(moment * 100)} % of the bytes`, async () => {
        const bench = use();
        const backup = await bench.sample();
        await bench.refill();
        await bench.content.change(bench.server);
        const before = await bench.state();
        const cancelling = new AbortController();
        const fault = new Fault(bytesOf(backup, way.form) * moment, async () => {
          await bench.look();
          cancelling.abort();
        });
        await failureOf(
          bench.restore(backup, way, { fault, signal: cancelling.signal, withoutSafetyBackup: true }),
          bench.adapter.name,
          "cancelled",
        );
        expect(fault.happened).toBe(true);
        expect(await bench.changesSince(before)).toEqual([]);
        await bench.content.write(bench.server);
      });
    }

    // For those the attacks and the damage speak as well.
    if (brief) continue;
    test(`the server is killed during a backup, at ${Math.round(moment * 100)} % of the bytes`, async () => {
      const bench = use();
      const { bytes } = await bench.sample();
      await bench.refill();
      const before = await bench.state();
      const fault = bench.killAfter(bytes * moment);
      const backup = await orBackupError(bench.backup({ fault }));
      expect(fault.happened).toBe(true);
      await bench.recover();
      // Where the capture was over by then, only a whole one may be called a success.
      for (const { name, fingerprint } of backup?.manifest.forms ?? []) expectEqual(fingerprint, before[name] ?? {});
      expect(await bench.changesSince(before)).toEqual([]);
    });

    test(`the disk of the store is full at ${Math.round(moment * 100)} % of the bytes`, async () => {
      const bench = use();
      const { bytes } = await bench.sample();
      await bench.refill();
      const before = await bench.state();
      const fault = new Fault(bytes * moment, () => {
        throw new BackupError("no-space", "the store is full", { operation: "store.write", hint: "make room" });
      });
      await failureOf(bench.backup({ fault }), bench.adapter.name, "no-space");
      expect(await bench.leftovers()).toEqual([]);
      expect(await bench.changesSince(before)).toEqual([]);
    });
  }

  test("what is cancelled before it begins does nothing", async () => {
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    const before = await bench.state();
    const signal = AbortSignal.abort();
    await failureOf(bench.backup({ signal }), bench.adapter.name, "cancelled");
    for (const way of waysToRestore(capabilities)) {
      const attempt = bench.call((context) => bench.adapter.restore(context, backup, way), { signal });
      await failureOf(attempt, bench.adapter.name, "cancelled");
    }
    expect(await bench.changesSince(before)).toEqual([]);
  });

  if (brief) return;
  test("a source that fails half-way leaves the server as it was", async () => {
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    await bench.content.change(bench.server);
    const before = await bench.state();
    const way = firstWay(capabilities);
    const fault = new Fault(bytesOf(backup, way.form) / 2, () => {
      throw new BackupError("corrupt", "the stored bytes are not what was stored", { operation: "store.read" });
    });
    await failureOf(bench.restore(backup, way, { fault, withoutSafetyBackup: true }), bench.adapter.name, "corrupt");
    expect(fault.happened).toBe(true);
    expect(await bench.changesSince(before)).toEqual([]);
  });
}

/** What a call came to, or undefined where it failed as it may. */
async function orBackupError<Result>(attempt: Promise<Result>): Promise<Result | undefined> {
  return attempt.catch((error: unknown) => {
    if (!isBackupError(error)) throw error;
    return undefined;
  });
}

/** The plain bytes of one form: what a restore reads. */
function bytesOf({ manifest }: Awaited<ReturnType<Workbench["backup"]>>, form: string): number {
  const names = new Set(formOf(manifest, form).artifacts);
  return manifest.artifacts.reduce((sum, { name, plain }) => sum + (names.has(name) ? plain.bytes : 0), 0);
}
