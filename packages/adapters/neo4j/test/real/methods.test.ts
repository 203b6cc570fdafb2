import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerRuntime, standaloneContext } from "@sutazai/backup-containers";
import {
  BackupError,
  Secret,
  type Bytes,
  type ContainerRuntime,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import {
  changeNeo4j,
  connectNeo4j,
  faultyTools,
  fillNeo4j,
  mappedForWriting,
  MemoryBackup,
  startServer,
  writeNeo4j,
  type TestServer,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { neo4jAdapter, type Neo4jOptions } from "../../src/index.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";
const nodes = full ? 100_000 : 1_000;
const timeout = full ? 1_800_000 : 600_000;

let scratch: string;
let server: TestServer;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "neo4j-test-"));
  server = await startServer("neo4j");
  await fillNeo4j(server, { nodes });
}, timeout);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

function adapterOf(options: Neo4jOptions = {}) {
  return neo4jAdapter({ container: server.name, password: server.password, ...options });
}

async function operate<T>(
  adapter: ReturnType<typeof adapterOf>,
  work: (context: OperationContext) => Promise<T>,
  containers?: ContainerRuntime,
): Promise<T> {
  await using context = await standaloneContext(adapter, {
    stateDirectory: join(scratch, "state"),
    ...(containers !== undefined && { containers }),
  });
  const result = await work(context);
  await context.commit();
  return result;
}

async function backUp(options: Neo4jOptions = {}, containers?: ContainerRuntime): Promise<MemoryBackup> {
  const adapter = adapterOf(options);
  const backup = new MemoryBackup();
  const startedAt = new Date();
  return backup.seal(
    adapter,
    await operate(adapter, (context) => adapter.backup(context, backup), containers),
    startedAt,
  );
}

function restore(backup: MemoryBackup, options: Neo4jOptions = {}): Promise<RestoreFacts> {
  const adapter = adapterOf(options);
  const way = { form: backup.manifest.forms[0]?.name ?? "", method: "replace", only: undefined };
  return operate(adapter, async (context) => {
    await adapter.planRestore(context, backup.manifest, way);
    await adapter.fence(context, way);
    return adapter.restore(context, backup, way);
  });
}

async function count(query: string): Promise<number> {
  await using connection = await connectNeo4j(server);
  const { records } = await connection.client.executeQuery(query);
  return Number(records[0]?.get("n"));
}

/** Writes pairs until it is told to stop. */
function writing(): { stop: () => Promise<number> } {
  let isOver = false;
  let written = 0;
  const done = (async () => {
    await using connection = await connectNeo4j(server);
    while (!isOver) {
      await connection.client.executeQuery("UNWIND range(1, 100) AS n CREATE (:A)-[:PAIR]->(:B)");
      written += 100;
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await done;
      return written;
    },
  };
}

// Its data is copied ahead.
test("the server maps none of its data into memory to write to it", async () => {
  const mapped = await mappedForWriting(server);
  expect(mapped.filter((path) => path.startsWith("/data/"))).toEqual([]);
});

test("frozen under a busy writer: whole pairs of one moment, and the writer sees no error", { timeout }, async () => {
  const writer = writing();
  let backup: MemoryBackup;
  try {
    backup = await backUp();
  } finally {
    expect(await writer.stop()).toBeGreaterThan(0);
  }
  const [form] = backup.manifest.forms;
  expect(form?.pausedMs).toBeGreaterThan(0);
  expect([...backup.artifacts.keys()].sort()).toEqual(["neo4j.dump", "system.dump"]);
  expect(backup.manifest.status).toBe("ok");
  const facts = await restore(backup);
  expect(facts.evidence).not.toEqual([]);
  await server.start();
  const pairs = await count("MATCH (:A)-[r:PAIR]->(:B) RETURN count(r) AS n");
  expect(await count("MATCH (a:A) RETURN count(a) AS n")).toBe(pairs);
  expect(pairs % 100).toBe(0);
  expect(form?.fingerprint["database:neo4j/relationships:PAIR"] ?? { exact: 0 }).toEqual({ exact: pairs });
});

test(
  "a server that does not run, its data destroyed, is restored on its files and runs again",
  { timeout },
  async () => {
    const backup = await backUp();
    await server.exec([
      "sh",
      "-c",
      "rm -rf /data/databases/system; for f in $(find /data/databases -type f); do echo broken > $f; done",
    ]);
    await server.stop();
    const adapter = adapterOf();
    const way = { form: "dump", method: "replace", only: undefined };
    const newer = { ...backup.manifest, serverVersion: "2999.01.0" };
    await expect(operate(adapter, (context) => adapter.planRestore(context, newer, way))).rejects.toMatchObject({
      reason: "incompatible-version",
    });
    const { expected, fingerprint } = await restore(backup);
    expect(fingerprint).toEqual(expected);
    await server.start();
    await writeNeo4j(server);
  },
);

test("offline: the server is started again, also where the dump cannot be kept", { timeout }, async () => {
  const backup = await backUp({ method: "offline" });
  const [form] = backup.manifest.forms;
  expect(form?.pausedMs).toBeGreaterThan(0);
  expect(form?.fingerprint["database:neo4j/nodes"]).toEqual({ exact: expect.any(String) });
  await writeNeo4j(server);

  const adapter = adapterOf({ method: "offline" });
  const attempt = operate(adapter, (context) =>
    adapter.backup(context, {
      write: () => Promise.reject(new BackupError("no-space", "full", { hint: "make room" })),
    }),
  );
  await expect(attempt).rejects.toMatchObject({ reason: "no-space", database: "neo4j" });
  await writeNeo4j(server);
});

test("the data directory comes back as files, and says that it is no dump", { timeout }, async () => {
  const backup = await backUp({ method: "data-directory" });
  expect(backup.manifest.warnings.join()).toMatch(/no dump/);
  await changeNeo4j(server);
  const { fingerprint } = await restore(backup, { method: "data-directory" });
  expect(fingerprint).toEqual(backup.manifest.forms[0]?.fingerprint);
});

test("an export is no backup to come back from, says so, and is refused by a restore", { timeout }, async () => {
  const quiet = await backUp({ method: "export" });
  expect(quiet.manifest).toMatchObject({
    status: "partial",
    incomplete: [expect.stringContaining("nothing restores an export")],
  });
  const [form] = quiet.manifest.forms;
  const adapter = adapterOf({ method: "export" });
  expect(await operate(adapter, (context) => adapter.fingerprint(context, "export"))).toEqual(form?.fingerprint);
  await expect(restore(quiet, { method: "export" })).rejects.toMatchObject({
    reason: "unsupported",
    hint: expect.stringContaining("dump"),
  });
});

test("an export under a busy writer counts what it lacks", { timeout }, async () => {
  const writer = writing();
  let found: MemoryBackup | undefined;
  try {
    for (let time = 0; time < 20 && found === undefined; time += 1) {
      const backup = await backUp({ method: "export" });
      if (backup.manifest.incomplete.length > 1) found = backup;
    }
  } finally {
    await writer.stop();
  }
  const [, lacking = ""] = found?.manifest.incomplete ?? [];
  expect(lacking).toMatch(/^\d+ relationships of neo4j connect nodes/);
  const last = found?.artifacts.get("neo4j.jsonl")?.toString().trim().split("\n").at(-1) ?? "";
  expect(JSON.parse(last)).toMatchObject({ dangling: Number.parseInt(lacking, 10) });
});

test("a damaged dump is refused before the server is touched", { timeout }, async () => {
  const backup = await backUp();
  const containers = dockerRuntime();
  const before = await containers.inspect(server.name);
  const damaged = {
    manifest: backup.manifest,
    async *read(name: string) {
      const content = Buffer.from(backup.artifacts.get(name) ?? Buffer.alloc(0));
      const middle = content.length >> 1;
      content[middle] = (content[middle] ?? 0) ^ 1;
      yield content;
    },
  };
  await expect(restore(damaged as unknown as MemoryBackup)).rejects.toMatchObject({ reason: "corrupt" });
  expect((await containers.inspect(server.name)).startedAt).toBe(before.startedAt);
  expect((await server.exec(["ls", "-A", "/data"])).stdout).not.toMatch(/sutazai/);
  await writeNeo4j(server);
});

/** Docker, but for what is given. */
function dockerBut(change: (runtime: ContainerRuntime) => Partial<ContainerRuntime>): ContainerRuntime {
  const runtime = dockerRuntime();
  const changed = change(runtime);
  return new Proxy<ContainerRuntime>(runtime, {
    get(target, name) {
      const value: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

test(
  "a copy that takes too long: it is tried once, and the next method that needs none is taken",
  { timeout },
  async () => {
    let times = 0;
    const slow = dockerBut(() => ({
      frozenCopy() {
        times += 1;
        return Promise.reject(new BackupError("timeout", "the copy took too long", { hint: "take another method" }));
      },
    }));
    const { manifest } = await backUp({ fallback: ["data-directory", "export"] }, slow);
    expect(manifest.forms.map(({ name }) => name)).toEqual(["export"]);
    expect(manifest).toMatchObject({
      status: "partial",
      incomplete: [
        "the method frozen could not be taken, export was instead: the copy took too long",
        "the method data-directory could not be taken, export was instead: the copy took too long",
        expect.stringContaining("nothing restores an export"),
      ],
    });
    expect(times).toBe(1);
    await expect(backUp({}, slow)).rejects.toMatchObject({ reason: "timeout" });
  },
);

describe("a copy of which no dump can be made", () => {
  const inconsistent = {
    script: "echo 'Inconsistencies found. See x for details.' >&2; exit 1",
    copy: (content: Bytes) => content,
  };
  test.for<[what: string, containers: ContainerRuntime, why: RegExp]>([
    [
      "as no server recovers it in the memory there is",
      dockerBut((runtime) => ({ throwaway: (spec) => runtime.throwaway({ ...spec, memoryLimit: 64 * 1024 ** 2 }) })),
      /could not be recovered/,
    ],
    [
      "as it is not consistent",
      faultyTools(dockerRuntime(), (purpose) => (purpose === "neo4j-dump" ? inconsistent : undefined)),
      /Inconsistencies found/,
    ],
  ])(
    "%s, fails; where its files are allowed instead, they come back, and are partial",
    { timeout },
    async ([, containers, why], { skip }) => {
      if (!full) skip("takes minutes: only with BACKUP_TEST_FULL=1");
      await expect(backUp({}, containers)).rejects.toMatchObject({ message: expect.stringMatching(why) });
      const backup = await backUp({ fallback: ["data-directory"] }, containers);
      expect([...backup.artifacts.keys()]).toEqual(["data.tar"]);
      expect(backup.manifest).toMatchObject({ status: "partial", incomplete: [expect.stringMatching(why)] });
      await changeNeo4j(server);
      const { fingerprint } = await restore(backup, { method: "data-directory" });
      expect(fingerprint).toEqual(backup.manifest.forms[0]?.fingerprint);
    },
  );
});

test(
  "users come back or stay, as chosen; a password that no longer fits is told, and undone",
  { timeout },
  async () => {
    const backup = await backUp();
    const original = server.password;
    const changed = new Secret("changed-since-then");
    await using connection = await connectNeo4j(server);
    await connection.client.executeQuery(
      "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
      { password: changed.reveal() },
      { database: "system" },
    );
    await connection.client.close();
    await expect(restore(backup, { password: changed })).rejects.toMatchObject({
      reason: "authentication",
      hint: expect.stringContaining("undone"),
    });
    const kept = await restore(backup, { password: changed, system: "keep" });
    expect(kept.expected).not.toHaveProperty("users");
    await using again = await connectNeo4j({ host: server.host, port: server.port, user: "neo4j", password: changed });
    await again.client.executeQuery(
      "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
      { password: original.reveal() },
      { database: "system" },
    );
  },
);

test("a backup goes into a new server, whose users it replaces", { timeout }, async () => {
  const backup = await backUp();
  await using fresh = await startServer("neo4j", { password: server.password });
  const adapter = neo4jAdapter({ container: fresh.name, password: fresh.password });
  const way = { form: "dump", method: "replace", only: undefined };
  const facts = await operate(adapter, async (context) => {
    await adapter.planRestore(context, backup.manifest, way);
    await adapter.fence(context, way);
    return adapter.restore(context, backup, way);
  });
  expect(facts.fingerprint).toEqual(backup.manifest.forms[0]?.fingerprint);
});
