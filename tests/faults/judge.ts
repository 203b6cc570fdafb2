import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { dockerRuntime } from "@sutazai/backup-containers";
import { leftInDocker, type ServerKindName } from "@sutazai/backup-testkit";
import { differences } from "../../examples/demo/witness.ts";
import type { FaultBench, Operation } from "./bench.ts";
import { content } from "./content.ts";
import { processesOf } from "./processes.ts";

const runtime = dockerRuntime();

/** What a fault was done to. */
export interface Aftermath {
  readonly bench: FaultBench;
  readonly kind: ServerKindName;
  /** What ran, and what ran meanwhile. */
  readonly operations: readonly Operation[];
  /** Of the processes. */
  readonly pids: readonly number[];
  /** What the database held. */
  readonly before: ReadonlyMap<string, string>;
  /** Backups that were told as made. */
  readonly made: readonly string[];
  /** What a restore said of the database, where it came to say something. */
  readonly state: string | undefined;
}

export interface Judgement {
  readonly database: "as before" | "as restored" | "in between";
  /** What the journal had to settle. */
  readonly settled: readonly string[];
  /** Everything that is not as it must be after the next command. */
  readonly wrong: readonly string[];
}

/** Lets the next commands loose on what a fault has left, and looks at everything. */
export async function judge(aftermath: Aftermath): Promise<Judgement> {
  const { bench, kind, operations, before, made, state } = aftermath;
  const wrong: string[] = [];
  const expect = (holds: boolean, otherwise: string): void => {
    if (!holds) wrong.push(otherwise);
  };
  await letTimePass(bench);
  const server = bench.server(kind);
  const system = bench.system();

  const recovered = await system.recover();
  const settled = recovered.operations.map(({ outcome }) => outcome);
  for (const { error } of recovered.operations) expect(error === undefined, `not recovered: ${error?.message}`);
  const container = await runtime.inspect(server.name);
  expect(container.state === "running", `the database's container is ${container.state}`);
  await server.start();
  const again = await system.recover();
  const left = [...again.operations.map(({ operation }) => operation.command), ...again.running, ...again.removed];
  expect(left.length === 0, `left for a second recover: ${JSON.stringify(left)}`);

  const now = await bench.held(kind);
  const notBefore = [...differences(before, now), ...differences(now, before)];
  const isBefore = notBefore.length === 0;
  const restored = bench.restored(kind, before);
  const notRestored = [...differences(restored, now), ...differences(now, restored)];
  const isRestored = notRestored.length === 0;
  const database = isBefore ? "as before" : isRestored ? "as restored" : "in between";
  if (database === "in between")
    wrong.push(
      `not as before (${notBefore.slice(0, 3).join("; ")}) nor as restored (${notRestored.slice(0, 3).join("; ")})`,
    );
  expect(isBefore || operations.includes("restore"), `${operations.join(" and ")} changed the database`);
  if (operations.length === 1 && state !== undefined) {
    expect(isRestored === (state === "restored") || state === "unsettled", `told as ${state}, and is ${database}`);
  }

  for (const { id, problems } of await system.verify()) expect(problems.length === 0, `${id}: ${problems.join("; ")}`);
  const listed = (await system.list()).map(({ id }) => id);
  for (const id of made) expect(listed.includes(id), `told as made, and not there: ${id}`);
  const mayGo = operations.includes("prune") ? bench.backups.get(kind)?.slice(0, -1) : [];
  for (const id of [...bench.backups.values()].flat())
    expect(listed.includes(id) || mayGo?.includes(id) === true, `gone: ${id}`);
  for (const [id, { damage }] of await system.standings(listed))
    expect(damage === undefined, `${id} is called damaged`);

  const next = await system.backup({ databases: [kind] });
  expect(next.status === "ok", `the next backup: ${next.databases[0]?.error?.message}`);
  wrong.push(...(await system.verifyLog()).problems);
  await content[kind].write(server).catch((error: unknown) => wrong.push(`writers are kept out: ${String(error)}`));
  wrong.push(...(await leftovers(aftermath)));
  return { database, settled, wrong };
}

/** A half-written file is taken for abandoned after an hour: that is now. */
async function letTimePass({ store, state }: FaultBench): Promise<void> {
  const long = new Date(Date.now() - 7_200_000);
  for (const path of [...(await filesBelow(store)), ...(await filesBelow(state))]) {
    if (/\.tmp$|\/\.staging\/[^/]+\.json$|\/scratch\/[^/]+\.json$/.test(path)) await utimes(path, long, long);
  }
}

/** Everything that should not be there any more. */
async function leftovers({ bench, pids }: Aftermath): Promise<string[]> {
  const files = [...(await filesBelow(bench.store)), ...(await filesBelow(bench.state))];
  const docker = await Promise.all([process.pid, ...pids].map((pid) => leftInDocker(pid)));
  return [
    ...files.filter((path) => /\/(?:\.staging|\.locks|locks|journal|scratch)\/|\.tmp$/.test(path)),
    ...docker.flat(),
    ...(await lastingProcesses(bench)),
  ].map((what) => `left: ${what}`);
}

/** A watchdog sees that the command it watches has ended, does what it is for, and ends. */
async function lastingProcesses({ platform }: FaultBench): Promise<string[]> {
  for (let patience = 40; ; patience -= 1) {
    const found = await processesOf(platform.directory);
    if (found.length === 0 || patience === 0) return found;
    await sleep(250);
  }
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
