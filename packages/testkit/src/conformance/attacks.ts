import { dockerRuntime } from "@sutazai/backup-containers";
import { BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { cutConnections } from "../cut-connections.ts";
import { Fault } from "../fault.ts";
import {
  endsAfter,
  exitsWithOne,
  faultyTools,
  runsOutOfMemory,
  writesNothing,
  type ToolFault,
} from "../faulty-tools.ts";
import { killTools } from "../leftovers.ts";
import type { MemoryBackup } from "../memory-backup.ts";
import { differenceFrom, expectNoSilentSuccess, prepareAttack, type Attacked } from "./attacked.ts";
import { failureOf } from "./expectations.ts";
import type { Depth, Workbench } from "./workbench.ts";

const timeout = 3_600_000;

/** For tools that are to run into it: no more of the machine than they need themselves. */
const toolMemory = 512 * 1024 ** 2;

/** What users of such tools have suffered from: a capture that went wrong half-way, and was called a success. */
export function attacks(use: () => Workbench, { brief, full }: Depth): void {
  /** The server as an attack has left it, where it was seen to be unchanged: filling it anew takes longer than most of them. */
  let left: Attacked | undefined;
  const prepare = async (): Promise<Attacked> => {
    const attacked = left ?? (await prepareAttack(use()));
    left = undefined;
    return attacked;
  };
  const expectUnchanged = async (attacked: Attacked): Promise<void> => {
    expect(await differenceFrom(attacked)).toEqual([]);
    left = attacked;
  };

  test("none of its tools can fail, end early, write nothing or be killed unnoticed", { timeout }, async ({ skip }) => {
    const bench = use();
    const attacked = await prepare();
    const allFail = (containers: ContainerRuntime) => faultyTools(containers, () => exitsWithOne);
    const outcome = await expectNoSilentSuccess(attacked, { containers: allFail }, "every tool fails");
    for (const [tool, bytes] of brief ? [] : bench.sampleTools) {
      for (const [what, fault] of Object.entries(faultsOf(bytes, full))) {
        const containers = () => faultyTools(dockerRuntime({ memoryLimit: toolMemory }), only(tool, fault));
        await expectNoSilentSuccess(attacked, { containers }, `${tool} ${what}`);
      }
    }
    await expectUnchanged(attacked);
    if (bench.sampleTools.size === 0) skip("no tool of this adapter runs in a container, and it reads no copy");
    expect(outcome).toBe("failed");
  });

  test("a backup whose tools are killed half-way, as for want of memory, fails or is whole", async ({ skip }) => {
    const attacked = await prepare();
    let killed = 0;
    await expectNoSilentSuccessWith(
      attacked,
      new Fault(attacked.sample.bytes * 0.5, async () => {
        killed = await killTools();
      }),
    );
    await expectUnchanged(attacked);
    if (killed === 0) skip("no tool of this adapter runs then");
  });

  test("a backup for which the disk is full at its very last byte fails", async () => {
    const bench = use();
    const attacked = await prepare();
    // The size differs a little from backup to backup: a last chunk is as late as it gets.
    const fault = new Fault(Math.floor(attacked.sample.bytes * 0.97), () => {
      throw new BackupError("no-space", "the store is full", { operation: "store.write", hint: "make room" });
    });
    await failureOf(bench.backup({ fault }), bench.adapter.name, "no-space");
    await expectUnchanged(attacked);
  });

  if (brief) return;

  test("a backup whose connections to the server end early fails or is whole", { timeout }, async ({ skip }) => {
    const attacked = await prepare();
    const said = async (afterBytes: number): Promise<number> => {
      await using between = cutConnections(dockerRuntime(), afterBytes);
      await expectNoSilentSuccess(
        attacked,
        { containers: () => between.containers },
        `cut off after ${afterBytes} bytes`,
      );
      return between.bytes;
    };
    const bytes = await said(Infinity);
    for (const part of full ? [0.1, 0.5, 0.9] : [0.5]) if (bytes > 0) await said(Math.floor(bytes * part));
    await expectUnchanged(attacked);
    if (bytes === 0) skip("this adapter asks no server");
  });

  test("a backup between two of whose artifacts the server restarts fails or is whole", async () => {
    const bench = use();
    const attacked = await prepare();
    await expectNoSilentSuccessWith(
      attacked,
      midway(attacked.sample, () => bench.server.restart()),
    );
    await expectUnchanged(attacked);
  });

  test("a backup during which things are created, changed and dropped fails, tells of it, or is of one moment", async () => {
    const bench = use();
    const attacked = await prepare();
    const changing = midway(attacked.sample, async () => {
      await bench.content.change(bench.server);
      attacked.states.push(await bench.state());
    });
    await expectNoSilentSuccessWith(attacked, changing);
    expect(await bench.leftovers()).toEqual([]);
  });
}

function faultsOf(bytes: number, full: boolean): Readonly<Record<string, ToolFault>> {
  return {
    "ends after half of its bytes": endsAfter(Math.floor(bytes / 2)),
    "writes nothing": writesNothing,
    ...(full && {
      "exits with an error after its last byte": exitsWithOne,
      "runs out of memory after its last byte": runsOutOfMemory,
    }),
  };
}

function only(tool: string, fault: ToolFault): (purpose: string) => ToolFault | undefined {
  return (purpose) => (purpose === tool ? fault : undefined);
}

/** Between two artifacts; half-way through the only one. */
function midway(sample: MemoryBackup, act: () => Promise<void>): Fault {
  return sample.artifacts.size > 1 ? Fault.betweenArtifacts(act) : new Fault(sample.bytes * 0.5, act);
}

async function expectNoSilentSuccessWith(attacked: Attacked, fault: Fault): Promise<void> {
  await expectNoSilentSuccess(attacked, { fault });
  expect(fault.happened).toBe(true);
  await attacked.bench.recover();
}
