// What a user may not read, or a policy hides, is missing from a dump: it must not be missing from the report.
import { Secret, type DatabaseAdapter } from "@sutazai/backup-core";
import { faultyTools, MemoryBackup, writesNothing } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { postgresAdapter } from "../../src/index.ts";
import { Bench } from "./bench.ts";

let bench: Bench;
const superuser = () => postgresAdapter({ container: bench.server.name, password: bench.server.password });
const reader = () => postgresAdapter({ container: bench.server.name, user: "reader", password: new Secret("reader") });

beforeAll(async () => {
  bench = await Bench.open();
  await bench.query("CREATE ROLE reader LOGIN PASSWORD 'reader'");
  await bench.query("CREATE DATABASE shop");
  await bench.query(
    `CREATE TABLE items AS SELECT generate_series(1, 100) AS id;
     CREATE TABLE orders AS SELECT generate_series(1, 100) AS id;
     GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`,
    "shop",
  );
});
afterAll(() => bench[Symbol.asyncDispose]());

/** What of a backup was written before it failed. */
async function expectFailure(adapter: DatabaseAdapter, reason: string, message: RegExp): Promise<string[]> {
  const backup = new MemoryBackup();
  const attempt = bench.run(adapter, (context) => adapter.backup(context, backup));
  await expect(attempt).rejects.toMatchObject({
    reason,
    message: expect.stringMatching(message),
    database: "postgres",
  });
  return [...backup.artifacts.keys()];
}

test("one table that may not be read fails the backup, and is named", async () => {
  await bench.query("REVOKE SELECT ON orders FROM reader", "shop");
  try {
    await expectFailure(reader(), "permission", /table .*orders/);
  } finally {
    await bench.query("GRANT SELECT ON orders TO reader", "shop");
  }
});

test("a table of which a policy hides rows fails the backup, and is named", async () => {
  await bench.query(
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON orders USING (id <= 50)",
    "shop",
  );
  try {
    await expectFailure(reader(), "permission", /orders/);
    expect((await bench.backup(superuser())).manifest.status).toBe("ok");
  } finally {
    await bench.query("ALTER TABLE orders DISABLE ROW LEVEL SECURITY; DROP POLICY half ON orders", "shop");
  }
});

test("roles that may not be read fail the backup, though every table may be", async () => {
  const written = await expectFailure(reader(), "permission", /pg_authid/);
  expect(written).toContain("databases/shop.sql");
});

test("roles that were dumped as nothing fail the backup, though every table was dumped", async () => {
  const adapter = superuser();
  const backup = new MemoryBackup();
  const attempt = bench.run(adapter, (context) => {
    const fault = (purpose: string) => (purpose === "pg_dumpall" ? writesNothing : undefined);
    return adapter.backup({ ...context, containers: faultyTools(context.containers, fault) }, backup);
  });
  await expect(attempt).rejects.toMatchObject({ reason: "corrupt", database: "postgres" });
  expect([...backup.artifacts.keys()]).toContain("databases/shop.sql");
});
