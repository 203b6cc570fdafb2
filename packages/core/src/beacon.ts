import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { codeOf } from "./durable.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/**
 * A process shows that it lives by a socket in a directory: the kernel answers on it for as long as the process lives, and refuses from its end on,
 * whatever container of this machine asks. No clock is in it, and a process that hangs or is paused still counts as living.
 *
 * `<directory>/<boot id>/<digest of the process and of that directory's device and inode>`: where the same place is seen through another file
 * system (a second mount of a network share), the name differs, and nothing is concluded.
 */
export async function lightBeacon(directory: string, identity: ProcessIdentity): Promise<void> {
  const place = join(directory, identity.bootId);
  mkdirSync(place, { recursive: true, mode: 0o700 });
  for (const boot of readdirSync(directory)) {
    if (boot !== identity.bootId) rmSync(join(directory, boot), { recursive: true, force: true });
  }
  const name = nameIn(place, identity);
  const path = join(place, name);
  const server = createServer((socket) => socket.destroy()).unref();
  await within(place, (near) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server
      .once("listening", resolve)
      .once("error", reject)
      .listen(join(near, `${name}.new`));
    return promise;
  });
  server.on("error", () => undefined);
  // It appears once it answers: one that refuses is of a process that has ended.
  renameSync(`${path}.new`, path);
  if (lit.size === 0) process.once("exit", putOut);
  lit.add(path);
}

/** Whether the process still shows itself there. `unknown`: it never did, or it cannot be seen from here. */
export async function beaconOf(directory: string, identity: ProcessIdentity): Promise<"lit" | "out" | "unknown"> {
  try {
    const place = join(directory, identity.bootId);
    const name = nameIn(place, identity);
    // What is no socket refuses, too.
    if (!lstatSync(join(place, name)).isSocket()) return "unknown";
    return await within(place, async (near) => {
      const { promise, resolve } = Promise.withResolvers<"lit" | "out" | "unknown">();
      const socket = connect(join(near, name))
        .once("connect", () => resolve("lit"))
        .once("error", (error) => resolve(codeOf(error) === "ECONNREFUSED" ? "out" : "unknown"));
      return promise.finally(() => socket.destroy());
    });
  } catch {
    return "unknown";
  }
}

const lit = new Set<string>();

function putOut(): void {
  for (const path of lit) rmSync(path, { force: true });
}

function nameIn(place: string, { pidNamespace, pid, startTime }: ProcessIdentity): string {
  const { dev, ino } = statSync(place, { bigint: true });
  const facts = JSON.stringify([pidNamespace, pid, startTime, String(dev), String(ino)]);
  return createHash("sha256").update(facts).digest("hex").slice(0, 32);
}

/** Hands over a short path of the directory: that of a socket has no more than 107 bytes. */
async function within<Result>(directory: string, work: (near: string) => Promise<Result>): Promise<Result> {
  const file = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await work(`/proc/self/fd/${file}`);
  } finally {
    closeSync(file);
  }
}
