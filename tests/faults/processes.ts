import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until a process stands still, as after a SIGSTOP (proc(5): state T); false where it has ended. */
export async function isStopped(pid: number): Promise<boolean> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    const state = stat?.slice(stat.lastIndexOf(")") + 2).at(0);
    if (state === undefined || state === "Z") return false;
    if (state === "T") return true;
    await sleep(10);
  }
}

/** Processes, other than this one, whose environment names a directory: the commands of a bench and whatever they started. */
export async function processesOf(directory: string): Promise<string[]> {
  const found = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    if (!environment.includes(directory)) continue;
    found.push(`process ${pid}: ${(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).slice(0, 200)}`);
  }
  return found;
}
