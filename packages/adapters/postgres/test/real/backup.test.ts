import type { BackupError } from "@sutazai/backup-core";
import { compareFingerprints, formOf, isBackupError, Secret, type ArtifactSink } from "@sutazai/backup-core";
import type { MemoryBackup } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postgresAdapter } from "../../src/index.ts";
import { Bench } from "./bench.ts";

let bench: Bench;
const adapter = (options: object = {}) =>
  postgresAdapter({ container: bench.server.name, password: bench.server.password, ...options });

beforeAll(async () => {
  bench = await Bench.open();
  await bench.query("CREATE DATABASE shop");
  await bench.query(
    "CREATE TABLE items AS SELECT i AS id, repeat(md5(i::text), 20) AS text FROM generate_series(1, 20000) i",
    "shop",
  );
  await bench.query("CREATE ROLE clerk LOGIN PASSWORD 'clerk'");
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

async function failureOf(attempt: Promise<unknown>): Promise<BackupError> {
  const error = await attempt.then(
    () => expect.unreachable("it should have failed"),
    (thrown: unknown) => thrown,
  );
  if (!isBackupError(error)) throw error;
  return error;
}

test("a fresh server is empty, and says so", async () => {
  await using fresh = await Bench.open();
  const empty = await fresh.backup(postgresAdapter({ container: fresh.server.name }));
  expect(empty.manifest).toMatchObject({ empty: true, incomplete: [] });
});

test("what is needed is found in the container's environment", async () => {
  const found = postgresAdapter({ container: bench.server.name });
  const probe = await bench.run(found, (context) => found.probe(context));
  expect(probe).toMatchObject({ version: expect.stringMatching(/^17/), resource: bench.server.id, warnings: [] });
  expect(probe.sizeEstimate).toBeGreaterThan(1_000_000);
});

test("a wrong password names the setting to change; loopback would have let it in", async () => {
  const wrong = adapter({ password: new Secret("wrong") });
  const error = await failureOf(bench.backup(wrong));
  expect(error).toMatchObject({ reason: "authentication", database: "postgres" });
  expect(error.hint).toMatch(/`password`.*POSTGRES_PASSWORD/);
  expect(JSON.stringify(error)).not.toContain('wrong"');
});

test("a database that lets nobody in makes the backup partial, unless it is left out on purpose", async () => {
  await bench.query("CREATE DATABASE closed ALLOW_CONNECTIONS false");
  try {
    const partial = await bench.backup(adapter());
    expect(partial.manifest.status).toBe("partial");
    expect(partial.manifest.incomplete).toEqual([expect.stringContaining('"closed"')]);
    const chosen = await bench.backup(adapter({ excludeDatabases: ["closed"] }));
    expect(chosen.manifest.status).toBe("ok");
  } finally {
    await bench.query("DROP DATABASE closed");
  }
});

test("a user who may not read everything gets an error that names what", async () => {
  await bench.query("CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT pg_monitor TO reader");
  const error = await failureOf(bench.backup(adapter({ user: "reader", password: new Secret("reader") })));
  expect(error.reason).toBe("permission");
  expect(error.message).toMatch(/items/);
});

test("a dump that is killed half-way fails the backup, and the server does not notice", async () => {
  const startedAt = await bench.query("SELECT pg_postmaster_start_time() AS at");
  const killing = (backup: MemoryBackup): ArtifactSink => ({
    async write(name, content) {
      let killed = false;
      await backup.write(
        name,
        (async function* () {
          for await (const chunk of content) {
            if (name === "databases/shop.sql" && !killed) {
              killed = true;
              await bench.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sutazai-backup' AND query LIKE 'COPY%'",
              );
            }
            yield chunk;
          }
        })(),
      );
    },
  });
  // Too much for the pipes between, so that it is still running.
  await bench.query("INSERT INTO items SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 100000) i", "shop");
  const error = await failureOf(bench.backup(adapter(), killing));
  expect(["connection", "tool-failed"]).toContain(error.reason);
  await using held = await bench.connect();
  expect((await held.client.query("SELECT pg_postmaster_start_time() AS at")).rows).toEqual(startedAt);
});

test("changes while it runs are in it or not, but it is of one moment, and restores", async () => {
  const writing = (backup: MemoryBackup): ArtifactSink => ({
    async write(name, content) {
      await bench.query("INSERT INTO items VALUES (-1, 'meanwhile')", "shop");
      await backup.write(name, content);
    },
  });
  const backup = await bench.backup(adapter(), writing);
  const facts = await bench.restore(adapter(), backup);
  expect(facts.expected).toEqual(formOf(backup.manifest).fingerprint);
  expect(compareFingerprints(facts.expected, facts.fingerprint)).toEqual([]);
});

test("an artifact is what psql replays by hand", async () => {
  const backup = await bench.backup(adapter());
  const dump = backup.artifacts.get("databases/shop.sql")?.toString("latin1") ?? "";
  expect(dump).toMatch(/^--\n-- PostgreSQL database dump\n/);
  expect(dump).toContain('CREATE DATABASE "shop"');
  expect(dump.trimEnd()).toMatch(/\\unrestrict \w+$/);
});

describe("what a restore refuses before it touches anything", () => {
  const plan = async (change: (details: Record<string, unknown>) => void, options: object = {}) => {
    const { manifest } = await bench.backup(adapter());
    const details = structuredClone(manifest.details) as Record<string, unknown>;
    change(details);
    const changed = { ...manifest, details: details as typeof manifest.details };
    return failureOf(
      bench.run(adapter(options), (context) =>
        adapter(options).planRestore(context, changed, { form: "sql", method: "staged", only: undefined }),
      ),
    );
  };

  test("another first superuser", async () => {
    const error = await plan((details) => (details["bootstrapUser"] = "somebody"));
    expect(error).toMatchObject({ reason: "unsupported", hint: expect.stringContaining("POSTGRES_USER=somebody") });
  });

  test("a tablespace that is not there", async () => {
    const error = await plan((details) => (details["tablespaces"] = ["fast"]));
    expect(error).toMatchObject({ reason: "unsupported", message: expect.stringContaining("fast") });
  });

  test("an extension that cannot be had", async () => {
    const error = await plan((details) => {
      (details["databases"] as { extensions: string[] }[])[0]!.extensions = ["postgis"];
    });
    expect(error).toMatchObject({ reason: "unsupported", message: expect.stringContaining("postgis") });
  });

  test("losing its own rights", async () => {
    const error = await plan((details) => (details["roles"] = [{ name: "postgres", superuser: false, login: true }]));
    expect(error.reason).toBe("unsupported");
  });

  test("a user who is no superuser", async () => {
    const options = { user: "clerk", password: new Secret("clerk") };
    expect(await plan(() => undefined, options)).toMatchObject({ reason: "permission" });
  });

  test("details that are not its own", async () => {
    expect(await plan((details) => delete details["digests"])).toMatchObject({ reason: "corrupt" });
  });
});

test("tablespaces, with their owners, privileges and options", async () => {
  await bench.server.exec(["install", "-d", "-o", "postgres", "/tmp/fast"]);
  await bench.query("CREATE TABLESPACE fast OWNER clerk LOCATION '/tmp/fast'");
  await bench.query(
    "ALTER TABLESPACE fast SET (random_page_cost = 1.5); COMMENT ON TABLESPACE fast IS 'quick'; GRANT CREATE ON TABLESPACE fast TO PUBLIC",
  );
  await bench.query("CREATE DATABASE quick TABLESPACE fast");
  await bench.query("CREATE TABLE t (i integer) TABLESPACE fast", "shop");
  const backup = await bench.backup(adapter());
  const { fingerprint } = formOf(backup.manifest);
  await bench.query("DROP DATABASE quick");
  await bench.query("ALTER TABLE t SET TABLESPACE pg_default", "shop");
  await bench.query(
    "ALTER TABLESPACE fast OWNER TO postgres; ALTER TABLESPACE fast SET (seq_page_cost = 3); ALTER TABLESPACE fast RESET (random_page_cost)",
  );
  await bench.query(
    "COMMENT ON TABLESPACE fast IS NULL; REVOKE ALL ON TABLESPACE fast FROM PUBLIC; GRANT ALL ON TABLESPACE fast TO clerk",
  );
  await bench.restore(adapter(), backup);
  expect(compareFingerprints(fingerprint, await bench.fingerprint(adapter()))).toEqual([]);
});
