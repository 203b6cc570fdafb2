import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dockerRuntime, standaloneContext, type StandaloneContext } from "@sutazai/backup-containers";
import {
  compareFingerprints,
  formOf,
  isBackupError,
  Secret,
  type BackupError,
  type DatabaseAdapter,
  type JournalOperation,
  type JournalRecord,
  type Manifest,
} from "@sutazai/backup-core";
import { connectRedis, MemoryBackup, startServer, type ServerOptions, type TestServer } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisAdapter, type RedisOptions } from "../../src/index.ts";
import { fill } from "../dataset.ts";

let stateDirectory: string;
beforeAll(async () => {
  stateDirectory = await mkdtemp(join(tmpdir(), "redis-adapter-"));
});
afterAll(() => rm(stateDirectory, { recursive: true, force: true }));

function contextOf(adapter: DatabaseAdapter): Promise<StandaloneContext> {
  return standaloneContext(adapter, { stateDirectory, containers: dockerRuntime() });
}

async function backUp(adapter: DatabaseAdapter): Promise<MemoryBackup> {
  await using context = await contextOf(adapter);
  const backup = new MemoryBackup();
  const startedAt = new Date();
  return backup.seal(adapter, await adapter.backup(context, backup), startedAt);
}

/** As the engine does it. */
async function restore(adapter: DatabaseAdapter, backup: MemoryBackup, form: string, method: string): Promise<void> {
  await using context = await contextOf(adapter);
  const options = { form, method, only: undefined };
  await adapter.planRestore(context, backup.manifest, options);
  await adapter.fence(context, options);
  const { expected, fingerprint } = await adapter.restore(context, backup, options);
  expect(compareFingerprints(expected, fingerprint)).toEqual([]);
  await context.commit();
}

async function failure(attempt: Promise<unknown>): Promise<BackupError> {
  const error: unknown = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isBackupError(error)) throw new Error("no BackupError", { cause: error });
  return error;
}

async function withServer(
  options: ServerOptions,
  use: (server: TestServer, adapterWith: (more?: RedisOptions) => DatabaseAdapter) => Promise<void>,
): Promise<void> {
  await using server = await startServer("redis", options);
  await use(server, (more = {}) =>
    redisAdapter({ container: server.name, username: "default", password: server.password, ...more }),
  );
}

describe.each([
  ["no", "rdb", "offline"],
  ["yes", "rdb", "offline"],
  ["yes", "aof", "offline"],
  ["no", "aof", "online"],
  ["yes", "rdb", "online"],
])("a target with appendonly %s, from the form %s, %s", (appendOnly, form, method) => {
  test("comes back whole and survives a restart; files keep their owner", async () => {
    await using source = await startServer("redis", { arguments: ["--appendonly", "yes"] });
    const forms = ["rdb", "aof"] as const;
    const origin = redisAdapter({ container: source.name, password: source.password, forms });
    {
      await using connection = await connectRedis(source);
      await fill(connection.client);
    }
    const backup = await backUp(origin);
    // Sent to whatever becomes its master: the temporary server of the method online must take it.
    const masterAuth = ["--masterauth", 'pass"word'];
    await withServer({ arguments: ["--appendonly", appendOnly, ...masterAuth] }, async (server, adapterWith) => {
      {
        await using connection = await connectRedis(server);
        await connection.client.set("old", "content");
      }
      const adapter = adapterWith({ forms });
      await restore(adapter, backup, form, method);
      for (const restarts of [false, true]) {
        if (restarts) await server.restart();
        await using context = await contextOf(adapter);
        const { fingerprint: expected } = formOf(backup.manifest, "rdb");
        expect(compareFingerprints(expected, await adapter.fingerprint(context, "rdb"))).toEqual([]);
      }
      const { stdout } = await server.exec(["sh", "-c", "ls -A /data; find /data ! -user redis"]);
      expect(stdout).not.toContain("sutazai");
      expect(stdout).not.toContain("/data");
      await using connection = await connectRedis(server);
      expect(await connection.client.set("writable", "again")).toBe("OK");
      expect(await connection.client.call("FCALL", "answer", 0)).toBe(42);
    });
  });
});

test("keys that expire between backup and restore are accounted for, and are gone", async () => {
  await withServer({}, async (server, adapterWith) => {
    const adapter = adapterWith();
    {
      await using connection = await connectRedis(server);
      const redis = connection.client;
      await redis.set("stays", "1");
      await redis.set("goes", "2", "PX", 1500);
      await redis.set("later", "3", "EX", 100_000);
      await redis.hset("fields", "a", "1", "b", "2");
      await redis.call("HPEXPIRE", "fields", 1500, "FIELDS", 1, "a");
    }
    const backup = await backUp(adapter);
    expect(backup.manifest.forms[0]?.fingerprint["db:0/keys"]).toEqual({ exact: 4 });
    await delay(2000);
    await restore(adapter, backup, "rdb", "offline");
    await using connection = await connectRedis(server);
    expect(await connection.client.keys("*").then((keys) => keys.sort())).toEqual(["fields", "later", "stays"]);
    expect(await connection.client.hkeys("fields")).toEqual(["b"]);
  });
});

test("a server without save points and without an AOF has its unsaved content again when a restore is undone", async () => {
  await withServer({ arguments: ["--save", ""] }, async (server, adapterWith) => {
    const adapter = adapterWith();
    const backup = await backUp(adapter);
    {
      await using connection = await connectRedis(server);
      await connection.client.set("only in memory", "1");
    }
    {
      await using context = await contextOf(adapter);
      const options = { form: "rdb", method: "offline", only: undefined };
      await adapter.fence(context, options);
      await adapter.restore(context, backup, options);
    }
    await using connection = await connectRedis(server);
    expect(await connection.client.get("only in memory")).toBe("1");
    expect(await connection.client.set("writable", "1")).toBe("OK");
  });
});

test("an ACL user that may not save is told which command it lacks; renamed commands are found by their names", async () => {
  const renamed = ["--rename-command", "CONFIG", "hidden-config", "--rename-command", "BGSAVE", "hidden-save"];
  await withServer({ arguments: renamed }, async (server, adapterWith) => {
    {
      await using connection = await connectRedis(server);
      await connection.client.set("k", "v");
      await connection.client.call("ACL", "SETUSER", "backup", "on", ">secret", "~*", "+info", "+time");
    }
    expect(await failure(backUp(adapterWith()))).toMatchObject({ reason: "unsupported" });
    const commands = { CONFIG: "hidden-config", BGSAVE: "hidden-save" };
    const backup = await backUp(adapterWith({ commands }));
    expect(backup.manifest.forms[0]?.fingerprint["db:0/keys"]).toEqual({ exact: 1 });
    const limited = adapterWith({ commands, username: "backup", password: new Secret("secret") });
    const denied = await failure(backUp(limited));
    expect(denied).toMatchObject({ reason: "permission" });
    expect(denied.message).toMatch(/config/i);
    expect(denied.hint).toContain("ACL SETUSER");
  });
});

test("a failed save is told, with that the server now refuses writes", async () => {
  await withServer({ arguments: ["--save", "3600 1"] }, async (server, adapterWith) => {
    {
      await using connection = await connectRedis(server);
      await connection.client.set("k", "v");
    }
    // A directory of the name cannot be replaced by a file.
    await server.exec(["sh", "-c", "rm -f /data/dump.rdb; mkdir -p /data/dump.rdb/in-the-way"]);
    const error = await failure(backUp(adapterWith()));
    expect(error).toMatchObject({ reason: "tool-failed", database: "redis" });
    expect(error.message).toContain("MISCONF");
    await using context = await contextOf(adapterWith());
    expect((await adapterWith().probe(context)).warnings.join()).toContain("MISCONF");
    await server.exec(["rm", "-r", "/data/dump.rdb"]);
    expect((await backUp(adapterWith())).artifacts.has("dump.rdb")).toBe(true);
  });
});

test("replicas, and forms that the server does not keep, are refused before anything is touched", async () => {
  await withServer({}, async (server, adapterWith) => {
    const backup = await backUp(adapterWith());
    expect(await failure(backUp(adapterWith({ forms: ["aof"] })))).toMatchObject({ reason: "unsupported" });
    {
      await using connection = await connectRedis(server);
      await connection.client.call("REPLICAOF", "127.0.0.1", 7777);
    }
    await using context = await contextOf(adapterWith());
    const plan = adapterWith().planRestore(context, backup.manifest, {
      form: "rdb",
      method: "offline",
      only: undefined,
    });
    expect(await failure(plan)).toMatchObject({ reason: "unsupported", hint: expect.stringContaining("master") });
  });
});

test("what the server cannot read, or has no room for, is refused with both sides named", async () => {
  await withServer({}, async (server, adapterWith) => {
    const { manifest } = await backUp(adapterWith());
    const details = manifest.details as { readonly rdb: { readonly rdb: object } };
    const newer = { ...details, rdb: { rdb: { ...details.rdb.rdb, version: 99 } } };
    const larger = manifest.artifacts.map((artifact) => ({
      ...artifact,
      plain: { ...artifact.plain, bytes: 2 ** 50 },
    }));
    const refused = async (doctored: Manifest, adapter = adapterWith(), method = "offline") => {
      await using context = await contextOf(adapter);
      return failure(adapter.planRestore(context, doctored, { form: "rdb", method, only: undefined }));
    };
    for (const state of ["running", "stopped"] as const) {
      if (state === "stopped") await server.stop();
      expect(await refused({ ...manifest, details: newer }), state).toMatchObject({
        reason: "incompatible-version",
        message: expect.stringMatching(/RDB version 99; redis \d+\.\d+.* reads up to \d+/),
      });
      expect(await refused({ ...manifest, serverVersion: "99.0.0" }), state).toMatchObject({
        reason: "incompatible-version",
        message: expect.stringMatching(/99\.0\.0, this server is \d+\.\d+/),
      });
      expect(await refused({ ...manifest, artifacts: larger }), state).toMatchObject({
        reason: "no-space",
        message: expect.stringMatching(/needs 1073741824 MiB .* MiB are free/),
      });
    }
    expect(await refused(manifest, adapterWith(), "online")).toMatchObject({
      reason: "unsupported",
      hint: expect.stringContaining("offline"),
    });
  });
});

test.each(["offline", "online"])(
  "every step of an undoing (%s) can be repeated, as after a crash within it",
  async (method) => {
    await withServer({}, async (server, adapterWith) => {
      const adapter = adapterWith();
      const backup = await backUp(adapter);
      {
        await using connection = await connectRedis(server);
        await connection.client.set("before", "the restore");
      }
      await using context = await contextOf(adapter);
      const records: JournalRecord[] = [];
      const journal: JournalOperation = {
        id: context.journal.id,
        record: (record) => {
          records.push(record);
          return context.journal.record(record);
        },
      };
      const options = { form: "rdb", method, only: undefined };
      await adapter.fence({ ...context, journal }, options);
      await adapter.restore({ ...context, journal }, backup, options);
      expect(records.length).toBeGreaterThan(2);
      for (const record of records.toReversed()) {
        const part = record.part === adapter.name ? adapter : context.containers;
        await part.recover(record, "undo", context);
        await part.recover(record, "undo", context);
      }
      await using connection = await connectRedis(server);
      expect(await connection.client.get("before")).toBe("the restore");
      expect(await connection.client.set("writable", "1")).toBe("OK");
      expect((await server.exec(["ls", "-A", "/data"])).stdout).not.toContain("sutazai");
    });
  },
);
