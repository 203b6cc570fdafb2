import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { compareFingerprints, isBackupError } from "@sutazai/backup-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { postgresAdapter } from "../../src/index.ts";
import { Bench } from "./bench.ts";

const path = process.env["PATH"] ?? "";
let bench: Bench;
let tools: string;
const adapter = () => {
  const { host, port, user, password } = bench.server;
  const secret = encodeURIComponent(password.reveal());
  return postgresAdapter({ url: `postgresql://${user}:${secret}@${host}:${port}/postgres` });
};

beforeAll(async () => {
  bench = await Bench.open();
  tools = await mkdtemp(join(tmpdir(), "postgres-tools-"));
  await bench.query('CREATE DATABASE "by url"');
  await bench.query("CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) i", "by url");
});

afterEach(() => {
  process.env["PATH"] = path;
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await rm(tools, { recursive: true, force: true });
});

/** Puts programs of these names and this script first in the path. */
async function install(script: (program: string) => string): Promise<void> {
  for (const program of ["pg_dump", "pg_dumpall", "psql"]) {
    await writeFile(join(tools, program), `#!/bin/sh\n${script(program)}\n`);
    await chmod(join(tools, program), 0o755);
  }
  process.env["PATH"] = `${tools}${delimiter}${path}`;
}

async function failure(): Promise<unknown> {
  return bench.backup(adapter()).then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("tools that are missing, or older than the server, are told before anything is done", async () => {
  process.env["PATH"] = tools;
  expect(await failure()).toMatchObject({ reason: "tool-missing", hint: expect.stringContaining("client") });
  await install((program) => `echo "${program} (PostgreSQL) 12.22"`);
  expect(await failure()).toMatchObject({ reason: "incompatible-version", message: expect.stringContaining("12") });
});

test("a server is backed up and restored with the tools of this host", async () => {
  // The server's own version, as if it were installed here.
  const variables = ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGOPTIONS", "PGAPPNAME", "LC_ALL"];
  const passed = variables.map((variable) => `-e ${variable}`).join(" ");
  await install(
    (program) => `exec docker run --rm -i --network host ${passed} --entrypoint ${program} ${bench.server.image} "$@"`,
  );
  const backup = await bench.backup(adapter());
  expect(backup.manifest.status).toBe("ok");
  expect(backup.manifest.forms[0]?.fingerprint).toHaveProperty(["database:by url/table:public.t"]);
  await bench.query("TRUNCATE t", "by url");
  const facts = await bench.restore(adapter(), backup);
  expect(compareFingerprints(facts.expected, facts.fingerprint)).toEqual([]);
  expect(await bench.query("SELECT count(*)::int AS n FROM t", "by url")).toEqual([{ n: 1000 }]);
});

test("a URL that is none, and a server that is not there, are told without the password", async () => {
  const wrong = () => postgresAdapter({ url: "postgresql://user:hunter2@[bad/x" });
  const told = await bench.backup(wrong()).catch((error: unknown) => error);
  expect(told).toMatchObject({ reason: "configuration" });
  const absent = postgresAdapter({ url: "postgresql://user:hunter2@127.0.0.1:1/x" });
  const refused = await bench.backup(absent).catch((error: unknown) => error);
  expect(isBackupError(refused) && refused.reason).toBe("connection");
  expect(JSON.stringify([told, refused])).not.toContain("hunter2");
});
