import { BackupError, type AdapterCapabilities, type OperationContext } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { docker } from "../docker.ts";
import { advisedFailureOf, firstWay } from "./expectations.ts";
import type { Depth, RunOptions, Workbench } from "./workbench.ts";

const timeout = 3_600_000;

const onPurpose = "failed on purpose";

type Between = NonNullable<RunOptions["journal"]>;

/** Every step is in the journal before it is taken: so each record is a moment to fail at, with the steps before it done. */
export function failingSteps(use: () => Workbench, capabilities: AdapterCapabilities, { brief, full }: Depth): void {
  // Of the steps of a restore, from the first to the last.
  const most = full ? Infinity : brief ? 2 : 3;
  failingWhileStopped(use, capabilities, full ? Infinity : 2);
  for (const { name: method } of capabilities.restoreMethods) {
    test(`a restore by ${method} that fails at any of its steps is undone`, { timeout }, async () => {
      const bench = use();
      const backup = await bench.sample();
      await bench.refill();
      await bench.content.change(bench.server);
      const before = await bench.state();
      const way = { ...firstWay(capabilities), method };

      const steps: string[] = [];
      await bench.restore(backup, way, {
        settle: "undo",
        journal: failingAt(Infinity, steps),
        withoutSafetyBackup: true,
      });
      expect(steps).not.toEqual([]);
      expect(await bench.changesSince(before), "after all of its steps").toEqual([]);
      for (const step of spread(steps.length, most)) {
        const what = `step ${step} of ${steps.length}, ${steps[step - 1]}`;
        const attempt = bench.restore(backup, way, { journal: failingAt(step, []), withoutSafetyBackup: true });
        await expect(attempt, what).rejects.toThrow(onPurpose);
        expect(await bench.leftovers(), what).toEqual([]);
        expect(await bench.changesSince(before), what).toEqual([]);
      }
      await bench.content.write(bench.server);
    });
  }
}

/** Not every kind can: one that needs its server says so, with the way out. */
function failingWhileStopped(use: () => Workbench, capabilities: AdapterCapabilities, most: number): void {
  test("a restore while the server does not run is refused, or undone at any of its steps", { timeout }, async () => {
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    await bench.content.change(bench.server);
    const before = await bench.state();
    const way = firstWay(capabilities);
    const plan = (context: OperationContext) => bench.adapter.planRestore(context, backup.manifest, way);
    const restore = (journal: Between) =>
      bench.call(
        async (context) => {
          await plan(context);
          await bench.adapter.fence(context, way);
          return bench.adapter.restore(context, backup, way);
        },
        { journal },
      );

    await bench.server.stop();
    const isPossible = await bench.call(plan).then(
      () => true,
      () => false,
    );
    if (isPossible) await failInTurn(bench, restore, most);
    else await advisedFailureOf(bench.call(plan), bench.adapter.name, "connection", "unsupported");
    expect(await isRunning(bench), "left as it was").toBe(false);
    await bench.server.start();
    expect(await bench.changesSince(before)).toEqual([]);
  });
}

/** What is restored is undone: once after all of its steps, then at some of them. The server must be left stopped. */
async function failInTurn(
  bench: Workbench,
  restore: (journal: Between) => Promise<unknown>,
  most: number,
): Promise<void> {
  const steps: string[] = [];
  await restore(failingAt(Infinity, steps));
  expect(steps).not.toEqual([]);
  for (const step of spread(steps.length, most)) {
    const what = `step ${step} of ${steps.length}, ${steps[step - 1]}`;
    await expect(restore(failingAt(step, [])), what).rejects.toThrow(onPurpose);
    expect(await isRunning(bench), what).toBe(false);
  }
}

async function isRunning({ server }: Workbench): Promise<boolean> {
  return (await (await docker()).getContainer(server.id).inspect()).State.Running;
}

/** A journal whose record of this number, from 1, is written and then fails. Notes what comes by. */
function failingAt(step: number, seen: string[]): Between {
  return (operation) => ({
    id: operation.id,
    record: async (record) => {
      const entry = await operation.record(record);
      if (seen.push(`${record.part}: ${record.action}`) === step) {
        throw new BackupError("unknown", onPurpose, { operation: "testkit.fail" });
      }
      return entry;
    },
  });
}

/** At most so many of the numbers 1 to `last`, with both, evenly apart. */
function spread(last: number, count: number): number[] {
  if (last <= count) return Array.from({ length: last }, (_, index) => index + 1);
  return Array.from({ length: count }, (_, index) => 1 + Math.round((index * (last - 1)) / (count - 1)));
}
