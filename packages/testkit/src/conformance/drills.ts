import { setTimeout as sleep } from "node:timers/promises";
import {
  compareFingerprints,
  describeDifference,
  isBackupError,
  toBackupError,
  type DatabaseAdapter,
  type DrillServer,
  type OperationContext,
  type RestoreOptions,
  type ThrowawayContainer,
} from "@sutazai/backup-core";
import { expect, test } from "vitest";
import type { MemoryBackup } from "../memory-backup.ts";
import { expectEqual } from "./expectations.ts";
import type { Workbench } from "./workbench.ts";

const memoryLimit = 1024 ** 3;

/** For adapters that can be drilled. */
export function drills(use: () => Workbench): void {
  test("a drill restores each form into a server of its own, equal before and after a restart; what another backup holds is found out, and named", async () => {
    const bench = use();
    await bench.refill();
    const backup = await bench.backup();
    await bench.content.change(bench.server);
    const other = await bench.backup();
    for (const { name, fingerprint } of backup.manifest.forms) {
      await withDrilled(bench, backup, name, async (server, container, context) => {
        expect(await differences(server, container, context, backup)).toEqual([]);
        await container.restart();
        await untilAnswering(server, container, context);
        expect(await differences(server, container, context, backup)).toEqual([]);
        const found = (await differences(server, container, context, other)).join("; ");
        expect(
          Object.keys(fingerprint).some((fact) => found.includes(fact)),
          found,
        ).toBe(true);
        expect(await server.checkFiles?.(context, container.id, backup)).not.toEqual([]);
      });
    }
  });
}

/** Restores a form of the backup into its drill server, as the engine does, and gives that to `look`. */
async function withDrilled(
  bench: Workbench,
  backup: MemoryBackup,
  form: string,
  look: (server: DrillServer, container: ThrowawayContainer, context: OperationContext) => Promise<void>,
): Promise<void> {
  const server = bench.adapter.drill?.(backup.manifest, form);
  if (server === undefined) throw new Error("drilled though it cannot be");
  await bench.call(async ({ containers, signal }) => {
    const purpose = `drill-${bench.adapter.kind}`;
    await using container = await containers.throwaway({
      ...server.container,
      image: bench.server.image,
      purpose,
      memoryLimit,
      signal,
    });
    const database = server.adapter(container.id);
    expect(database).toMatchObject({ name: bench.adapter.name, kind: bench.adapter.kind });
    await bench.call((context) => untilAnswering(server, container, context), { adapter: database });
    const facts = await bench.call(
      async (context) => {
        const restored = await firstPossible(database, context, backup, form);
        await database.fence(context, restored);
        return database.restore(context, backup, restored);
      },
      { adapter: database, settle: "finish" },
    );
    expectEqual(facts.expected, facts.fingerprint);
    await bench.call(
      async (context) => {
        await untilAnswering(server, container, context);
        await look(server, container, context);
      },
      { adapter: database },
    );
  });
}

/** The first of the methods that goes with the form. */
async function firstPossible(
  database: DatabaseAdapter,
  context: OperationContext,
  { manifest }: MemoryBackup,
  form: string,
): Promise<RestoreOptions> {
  const refusals: unknown[] = [];
  for (const { name: method } of database.capabilities.restoreMethods) {
    const way = { form, method, only: undefined };
    try {
      await database.planRestore(context, manifest, way);
      return way;
    } catch (error) {
      if (toBackupError(error).reason !== "unsupported") throw error;
      refusals.push(error);
    }
  }
  throw refusals[0];
}

/** Facts that differ, or what is thrown for what no fact tells; none where the server holds the backup. */
async function differences(
  server: DrillServer,
  container: ThrowawayContainer,
  context: OperationContext,
  backup: MemoryBackup,
): Promise<string[]> {
  try {
    const { expected, fingerprint, evidence } = await server.compare(context, container.id, backup);
    expect(Object.keys(expected)).not.toEqual([]);
    expect(evidence).not.toEqual([]);
    return compareFingerprints(expected, fingerprint).map(describeDifference);
  } catch (error) {
    if (!isBackupError(error) || error.reason !== "mismatch") throw error;
    return [error.message];
  }
}

async function untilAnswering(
  server: DrillServer,
  container: ThrowawayContainer,
  context: OperationContext,
): Promise<void> {
  const until = performance.now() + 120_000;
  for (;;) {
    try {
      await server.adapter(container.id).probe(context);
      return;
    } catch (error) {
      const { state } = await container.inspect();
      if (state !== "running" || performance.now() > until || !toBackupError(error).isRetryable) {
        throw new Error(`the drill server is ${state}: ${await container.logs()}`, { cause: error });
      }
    }
    await sleep(200);
  }
}
