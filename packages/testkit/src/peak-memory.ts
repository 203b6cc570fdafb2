import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The largest resident size of a child process, in bytes, when it has ended. VmHWM of proc(5) only ever grows: the last reading
 * before the end is the peak but for a tenth of a second.
 */
export async function peakMemoryOf(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
    await sleep(100);
  }
  return peak;
}
