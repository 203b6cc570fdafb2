// The cron of Debian, as it is installed: it accepts what `schedule install` writes, and then makes backups by itself.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BackupReport } from "@sutazai/backup-core";
import { fillRedis, testBaseImage } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";
import { commandLine, startPlatform } from "../platform.ts";

const docker = (...args: string[]) => promisify(execFile)("docker", args, { maxBuffer: 16 * 1024 * 1024 });
const checkout = fileURLToPath(new URL("../../../", import.meta.url));

test("a cron that nothing else was told makes a backup within minutes", async () => {
  await using platform = await startPlatform(["redis"]);
  await fillRedis(platform.redis, { keys: 100 });
  const { directory, environment, redis } = platform;
  const store = environment["BACKUP_DIR"] ?? "";
  const config = join(directory, "sutazai-backup.config.json");
  const settings = {
    dir: store,
    stateDir: environment["BACKUP_STATE_DIR"],
    jitter: "0s",
    databases: { redis: { container: redis.name, password: redis.password.reveal() } },
  };
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 });
  const install = [process.execPath, commandLine, "--config", config, "schedule", "install", "* * * * *"];
  const script = `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends cron
    "$@" --task backup --as cron && exec cron -f`;
  const name = `sutazai-cron-${randomBytes(4).toString("hex")}`;
  const socket = "/var/run/docker.sock";
  const mounts = [`${checkout}:${checkout}:ro`, `${directory}:${directory}`, `${socket}:${socket}`];
  const volumes = mounts.flatMap((mount) => ["--volume", mount]);
  const command = [await testBaseImage(), "sh", "-c", script, "sh", ...install];
  await docker("run", "--detach", "--network", "host", "--name", name, ...volumes, ...command);
  try {
    await expect
      .poll(() => reportIn(store), { timeout: 300_000, interval: 1000 })
      .toMatchObject({ status: "ok", databases: [{ database: "redis", status: "ok" }] });
    expect(await readdir(join(store, "redis"))).not.toEqual([]);
    const history = JSON.parse(await readFile(join(directory, "state/schedule/backup.json"), "utf8")) as object;
    expect(history).toMatchObject({ last: { status: "ok" } });
  } catch (error) {
    const { stdout, stderr } = await docker("logs", name);
    throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error });
  } finally {
    await docker("rm", "--force", "--volumes", name);
  }
});

/** Of the first run; undefined as long as there is none. */
async function reportIn(store: string): Promise<BackupReport | undefined> {
  const names = await readdir(store).catch(() => []);
  const first = names.filter((name) => name.startsWith("master_backup_report_")).sort()[0];
  return first === undefined ? undefined : (JSON.parse(await readFile(join(store, first), "utf8")) as BackupReport);
}
