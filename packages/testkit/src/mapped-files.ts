import { dockerRuntime } from "@sutazai/backup-containers";
import { textOf } from "@sutazai/backup-core";
import type { TestServer } from "./server.ts";

/**
 * The files that a server's processes map into memory to write to, which changes them without a time of change (`FrozenCopySpec.ahead`). Rejects
 * where the kernel does not tell.
 */
export async function mappedForWriting({ id }: TestServer): Promise<string[]> {
  const say = async (user: string, script: string) => {
    const tool = await dockerRuntime().exec(id, {
      command: ["sh", "-c", script],
      user,
      signal: AbortSignal.timeout(30_000),
    });
    return (await textOf(tool, { tool: "sh" })).trim();
  };
  // Only its own user is told what a process maps.
  const user = await say("0", "stat -c %u /proc/1");
  const maps = await say(user, "cat /proc/1/maps && { cat /proc/[0-9]*/maps 2>/dev/null || true; }");
  const lines = maps.split("\n").map((line) => line.split(/\s+/));
  return lines.flatMap(([, mode = "", , , , path = ""]) => (/^.w.s/.test(mode) && path.startsWith("/") ? [path] : []));
}
