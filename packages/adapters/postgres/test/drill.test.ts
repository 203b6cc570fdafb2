import type { Manifest } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { postgresAdapter } from "../src/index.ts";

function drillOf(command: readonly string[] | null) {
  const manifest = {
    id: "id1",
    forms: [{ name: "sql" }],
    container: { command },
    details: { bootstrapUser: "admin", databases: [], roles: [], tablespaces: [], digests: {} },
  } as unknown as Manifest;
  const server = postgresAdapter({ password: undefined }).drill?.(manifest, "sql");
  if (server === undefined) throw new Error("it cannot be drilled");
  return server;
}

test.each([
  [null, []],
  [["postgres"], []],
  [
    ["postgres", "-c", "shared_preload_libraries=timescaledb,pg_cron", "-c", "shared_buffers=64GB"],
    ["-c", "shared_preload_libraries=timescaledb,pg_cron"],
  ],
  [
    ["-cshared_preload_libraries=vector", "--max-locks-per-transaction=512", "--config_file=/etc/own.conf"],
    ["-c", "shared_preload_libraries=vector", "-c", "max-locks-per-transaction=512"],
  ],
])("of the command %j only what a restore may need is kept", (command, kept) => {
  const [program, ...rest] = drillOf(command).container.command ?? [];
  expect(program).toBe("postgres");
  expect(rest).toEqual(kept);
});

test("it has the first superuser of the backup, and a password that nobody has used before", () => {
  const [one, other] = [drillOf(null), drillOf(null)].map(({ container }) => container.environment ?? {});
  expect(one).toMatchObject({ POSTGRES_USER: "admin", POSTGRES_DB: "postgres" });
  expect(one?.["POSTGRES_PASSWORD"]).toMatch(/^[0-9a-f]{48}$/);
  expect(one?.["POSTGRES_PASSWORD"]).not.toBe(other?.["POSTGRES_PASSWORD"]);
});
