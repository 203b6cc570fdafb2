import { readdir, readFile } from "node:fs/promises";

const daemons = new Set(["cron", "crond", "fcron", "bcron-sched", "dcron"]);

/** The name of the cron that runs on this host; undefined where none is seen. */
export async function cronDaemon(): Promise<string | undefined> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
    if (daemons.has(name)) return name;
  }
  return undefined;
}
