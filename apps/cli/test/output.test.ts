import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { localStore } from "@sutazai/backup-sdk";
import { beforeEach, describe, expect, test, vi } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

// Each starts the command line several times.
vi.setConfig({ testTimeout: 120_000 });

let directory: string;
let config: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-output-"));
  config = join(directory, "settings.json");
  const indexes = join(directory, "indexes");
  await mkdir(indexes);
  const settings = {
    dir: join(directory, "store"),
    stateDir: join(directory, "state"),
    databases: { faiss: { directory: indexes } },
  };
  await writeFile(config, JSON.stringify(settings));
  return () => rm(directory, { recursive: true, force: true });
});

type Output = "read" | "nobody reads" | number;

/** The real command line, without Docker. Where nobody reads, the pipe is closed before the first word. */
async function cli(args: readonly string[], { stdout, stderr }: { readonly stdout: Output; readonly stderr: Output }) {
  const stdioOf = (output: Output) => (typeof output === "number" ? output : ("pipe" as const));
  const child = spawn(process.execPath, [main, "--config", config, ...args], {
    cwd: directory,
    env: { ...process.env, DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}` },
    stdio: ["ignore", stdioOf(stdout), stdioOf(stderr)],
  });
  if (stdout === "nobody reads") child.stdout?.destroy();
  if (stderr === "nobody reads") child.stderr?.destroy();
  const said = stderr === "read" && child.stderr !== null ? text(child.stderr) : Promise.resolve("");
  const [[code]] = await Promise.all([once(child, "exit") as Promise<[number | null]>, said]);
  return { code, stderr: await said };
}

describe("output that nobody reads", () => {
  test.each([[["config", "schema"]], [["config", "show", "--json"]]])("%j ends quietly", async (args) => {
    expect(await cli(args, { stdout: "nobody reads", stderr: "read" })).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([[[]], [["--json"]]])(
    "a backup %j goes on to its end, and its exit code tells of it alone",
    async (more) => {
      const unread = { stdout: "nobody reads", stderr: "nobody reads" } as const;
      const store = localStore({ path: join(directory, "store") });
      expect(await cli(["backup", ...more], unread)).toMatchObject({ code: 0 });
      expect(await store.list()).toMatchObject([{ database: "faiss", manifest: { status: "ok" } }]);
      expect(await readdir(join(directory, "store", ".locks"))).toEqual(["log"]);

      await rm(join(directory, "indexes"), { recursive: true });
      expect(await cli(["backup", ...more], unread)).toMatchObject({ code: 1 });
      expect(await store.list()).toHaveLength(1);
    },
  );
});

test("a result that could not be written, though somebody waits for it, is a failure", async () => {
  await using full = await open("/dev/full", "w");
  const { code, stderr } = await cli(["config", "schema"], { stdout: full.fd, stderr: "read" });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^sutazai-backup: .*ENOSPC.*\n$/) });
});
