import { setTimeout as sleep } from "node:timers/promises";
import { compareFingerprints, isBackupError, type Fingerprint } from "@sutazai/backup-core";
import type { MemoryBackup } from "@sutazai/backup-testkit";
import { Client, escapeIdentifier } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { postgresAdapter } from "../../src/index.ts";
import { Bench } from "./bench.ts";

const zoo = new URL("../fixtures/zoo.sql", import.meta.url).pathname;
const odd = `odd "name" %s 'x' /\\ ünï-42; --`;

let bench: Bench;
let backup: MemoryBackup;
let recorded: Fingerprint;
const adapter = (options: object = {}) =>
  postgresAdapter({ container: bench.server.name, password: bench.server.password, ...options });

beforeAll(async () => {
  bench = await Bench.open();
  await bench.script(zoo);
  backup = await bench.backup(adapter());
  recorded = backup.manifest.forms[0]?.fingerprint ?? {};
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

afterEach(async () => {
  expect(await bench.unsettled()).toEqual([]);
  const left = await bench.query(
    "SELECT datname FROM pg_database WHERE datname LIKE 'sutazai%' OR (NOT datallowconn AND datname <> 'template0')",
  );
  expect(left).toEqual([]);
});

let changed = false;

/** Everything as it was recorded; whoever changes it afterwards says so. */
async function pristine(): Promise<void> {
  if (!changed) return;
  await bench.restore(adapter(), backup);
  await bench.query("DROP DATABASE IF EXISTS newcomer");
  await bench.query("DROP ROLE IF EXISTS newcomer");
  changed = false;
}

/** What an afternoon of mistakes does to a cluster. */
async function wreck(): Promise<void> {
  await pristine();
  changed = true;
  await bench.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(odd)} WITH (FORCE)`);
  await bench.query("DROP DATABASE IF EXISTS latin WITH (FORCE)");
  await bench.query("TRUNCATE zoo.texts, zoo.integers CASCADE", "zoo");
  await bench.query("INSERT INTO zoo.no_key VALUES ('thrice')", "zoo");
  await bench.query("DROP VIEW zoo.sums; ALTER TABLE zoo.base ADD COLUMN extra text; SELECT lo_unlink(70001)", "zoo");
  await bench.query("ALTER ROLE keeper CREATEDB PASSWORD 'changed' VALID UNTIL '2030-01-01' CONNECTION LIMIT 3");
  await bench.query("ALTER ROLE keeper SET work_mem = '1MB'; ALTER ROLE ALL SET work_mem = '2MB'");
  await bench.query(
    "COMMENT ON ROLE reader IS 'changed'; REVOKE reader FROM keeper CASCADE; GRANT keeper TO reader WITH ADMIN OPTION",
  );
  await bench.query("GRANT ALTER SYSTEM ON PARAMETER work_mem TO reader; REVOKE SET ON PARAMETER work_mem FROM writer");
  await bench.query(
    "ALTER DATABASE zoo RESET timezone; ALTER DATABASE zoo SET work_mem = '9MB'; ALTER DATABASE zoo CONNECTION LIMIT 3",
  );
  await bench.query(
    "COMMENT ON DATABASE zoo IS 'changed'; GRANT ALL ON DATABASE zoo TO PUBLIC; ALTER DATABASE zoo OWNER TO keeper",
  );
  await bench.query("CREATE ROLE newcomer IN ROLE reader; ALTER ROLE newcomer SET work_mem = '7MB'");
  await bench.query("CREATE DATABASE newcomer OWNER newcomer");
  await bench.query("DROP TABLE in_postgres; CREATE TABLE other (i integer)", "postgres");
}

async function differences(): Promise<string[]> {
  const now = await bench.fingerprint(adapter());
  return compareFingerprints(recorded, now).map(({ fact, problem }) => `${problem} ${fact}`);
}

const ofNewcomer = (difference: string) => /newcomer/.test(difference);

test("the zoo is whole in the backup", () => {
  const tables = Object.keys(recorded).filter((fact) => fact.includes("/table:"));
  expect(tables.length).toBeGreaterThan(40);
  expect(backup.manifest).toMatchObject({ status: "ok", empty: false, incomplete: [], warnings: [] });
  expect([...backup.artifacts.keys()]).toEqual(
    expect.arrayContaining(["globals.sql", "config/pg_hba.conf", "databases/template1.sql", "databases/postgres.sql"]),
  );
  const text = JSON.stringify(backup.manifest);
  expect(text).not.toContain("SCRAM-SHA-256");
  expect(text).not.toContain("not a comment");
});

test("a wrecked cluster is put back; what the backup does not have is left alone and named", async () => {
  await wreck();
  expect((await differences()).length).toBeGreaterThan(20);
  const facts = await bench.restore(adapter(), backup);
  expect(compareFingerprints(facts.expected, facts.fingerprint)).toEqual([]);
  expect(facts.expected).toEqual(recorded);
  expect((await differences()).filter((difference) => !ofNewcomer(difference))).toEqual([]);
  expect(facts.warnings.join("\n")).toMatch(/databases newcomer[^]*roles newcomer/);
  expect(
    await bench.query(
      "SELECT setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole WHERE rolname = 'newcomer'",
    ),
  ).toEqual([{ setconfig: ["work_mem=7MB"] }]);
});

test("a role that has become a superuser meanwhile is none again, and what it had granted is its own", async () => {
  await pristine();
  changed = true;
  await bench.query("ALTER ROLE keeper SUPERUSER");
  const before = await bench.fingerprint(adapter());
  await bench.restore(adapter(), backup, { settle: "undo" });
  expect(compareFingerprints(before, await bench.fingerprint(adapter()))).toEqual([]);
  await bench.restore(adapter(), backup);
  expect(await differences()).toEqual([]);
});

test("undone after the cut-over, everything is as before it, roles and their passwords too", async () => {
  await wreck();
  const before = await bench.fingerprint(adapter());
  await bench.restore(adapter(), backup, { settle: "undo" });
  expect(compareFingerprints(before, await bench.fingerprint(adapter()))).toEqual([]);
});

test("one database comes back and nothing else changes", async () => {
  await wreck();
  const before = await bench.fingerprint(adapter());
  const facts = await bench.restore(adapter(), backup, { only: "zoo" });
  expect(Object.keys(facts.expected).every((fact) => fact.startsWith("database:zoo/"))).toBe(true);
  const after = await bench.fingerprint(adapter());
  const inZoo = (facts: Fingerprint, wanted: boolean) =>
    Object.fromEntries(Object.entries(facts).filter(([fact]) => fact.startsWith("database:zoo/") === wanted));
  expect(compareFingerprints(inZoo(recorded, true), inZoo(after, true))).toEqual([]);
  expect(compareFingerprints(inZoo(before, false), inZoo(after, false))).toEqual([]);
});

test("one database comes back where its roles are gone: they are made, others are not touched", async () => {
  await pristine();
  changed = true;
  await bench.query("DROP DATABASE zoo WITH (FORCE)");
  await bench.query("REVOKE ALL ON PARAMETER work_mem FROM writer");
  await bench.query('DROP ROLE writer; DROP ROLE "zoo owner"');
  await bench.query("ALTER ROLE keeper SET work_mem = '1MB'");
  const facts = await bench.restore(adapter(), backup, { only: "zoo" });
  expect(facts.fingerprint).toHaveProperty(["role-password:zoo owner"], recorded["role-password:zoo owner"]);
  const left = await differences();
  expect(left.toSorted()).toEqual([
    "different role-settings:keeper",
    "missing parameter-privileges:work_mem to writer",
  ]);
});

test("roles that exist are kept where that is asked for", async () => {
  await wreck();
  await bench.restore(adapter({ roles: "keep" }), backup);
  const left = (await differences()).filter((difference) => !ofNewcomer(difference));
  expect(left).toContain("different role:keeper");
  expect(left.filter((difference) => / database:/.test(difference))).toEqual([]);
});

test("clients that come back all the while see the old or the new, never anything between", async () => {
  await pristine();
  changed = true;
  await bench.query("INSERT INTO zoo.no_key VALUES ('later')", "zoo");
  const counts = new Set<string>();
  const refusals = new Set<string | undefined>();
  let stop = false;
  const { host, port, user, password } = bench.server;
  const visitor = async () => {
    while (!stop) {
      const client = new Client({ host, port, user, password: password.reveal(), database: "zoo" });
      client.on("error", () => undefined);
      try {
        await client.connect();
        for (;;) {
          const { rows } = await client.query("SELECT count(*) AS n FROM zoo.no_key");
          counts.add(rows[0].n);
          if (stop) break;
          await sleep(20);
        }
      } catch (error) {
        // Turned away or cut off; a missing table would be something between.
        refusals.add((error as { code?: string }).code);
      }
      await client.end().catch(() => undefined);
    }
  };
  const visitors = [visitor(), visitor(), visitor()];
  await bench.restore(adapter(), backup);
  await sleep(300);
  stop = true;
  await Promise.all(visitors);
  expect([...counts].toSorted()).toEqual(["3", "4"]);
  expect([...refusals].filter((code) => !["55000", "57P01", "3D000", undefined].includes(code))).toEqual([]);
  expect(await differences()).toEqual([]);
});

describe("a restore that would not be the backup", () => {
  let before: Fingerprint;
  beforeAll(async () => {
    await pristine();
    changed = true;
    await bench.query("INSERT INTO zoo.no_key VALUES ('now')", "zoo");
    before = await bench.fingerprint(adapter());
  });

  const altered = (from: string, to: string) => ({
    manifest: backup.manifest,
    async *read(name: string) {
      const content = backup.artifacts.get(name) ?? Buffer.alloc(0);
      yield Buffer.from(
        content.toString("latin1").replace(from, () => to),
        "latin1",
      );
    },
  });

  test.each([
    ["a row is lost", "twice\ntwice\n", "twice\n", /zoo\.no_key/],
    ["a value differs", "\ntwice\n", "\nthrice\n", /zoo\.no_key/],
    [
      "a view is missing",
      'CREATE VIEW "zoo"."checked"',
      'CREATE VIEW "zoo"."unchecked"',
      /"zoo\.checked" does not exist/,
    ],
    [
      "a comment differs",
      'COMMENT ON DATABASE "zoo" IS \'The zoo',
      'COMMENT ON DATABASE "zoo" IS \'A zoo',
      /zoo\/comment/,
    ],
    [
      "a role differs",
      "NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 7",
      "NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 8",
      /role:zoo owner/,
    ],
    [
      "a statement fails",
      'CREATE TABLE "zoo"."wide"',
      'CREATE TABLE "nowhere"."wide"',
      /schema "nowhere" does not exist/,
    ],
  ])("is refused where %s, and leaves the server as it was", async (_, from, to, named) => {
    const error = await bench.restore(adapter(), altered(from, to)).catch((thrown: unknown) => thrown);
    expect(isBackupError(error)).toBe(true);
    expect(String(error)).toMatch(named);
    expect(compareFingerprints(before, await bench.fingerprint(adapter()))).toEqual([]);
  });
});

describe("a process that dies", () => {
  let before: Fingerprint;
  beforeAll(async () => {
    await wreck();
    // So that a role has to be made.
    await bench.query('REASSIGN OWNED BY "zoo owner" TO postgres; DROP OWNED BY "zoo owner"', "zoo");
    await bench.query('DROP ROLE "zoo owner"');
    before = await bench.fingerprint(adapter());
  });

  const actions = ["make-maintenance-database", "create-role", "stage-database", "close-database", "cut-over"];
  test.each(actions.flatMap((action) => [[action, "before"] as const, [action, "after"] as const]))(
    "at the step %s, %s it is in the journal, leaves what undoing puts back",
    async (action, when) => {
      const restore = bench.restore(adapter(), backup, {
        only: "zoo",
        journal: (journal) => ({
          id: journal.id,
          async record(record) {
            const dies = record.action === action;
            if (dies && when === "before") throw new Error("the process died");
            const entry = await journal.record(record);
            if (dies) throw new Error("the process died");
            return entry;
          },
        }),
      });
      await expect(restore).rejects.toThrow("the process died");
      expect(compareFingerprints(before, await bench.fingerprint(adapter()))).toEqual([]);
    },
  );

  test("settling twice, and what never was, does no harm", async () => {
    const records: Parameters<ReturnType<typeof adapter>["recover"]>[0][] = [];
    await bench.restore(adapter(), backup, {
      settle: "undo",
      journal: (journal) => ({
        id: journal.id,
        async record(record) {
          records.push(record);
          return journal.record(record);
        },
      }),
    });
    await bench.run(adapter(), async (context) => {
      for (const record of records.toReversed()) await adapter().recover(record, "undo", context);
      for (const record of records.toReversed()) await adapter().recover(record, "finish", context);
    });
    expect(compareFingerprints(before, await bench.fingerprint(adapter()))).toEqual([]);
  });
});
