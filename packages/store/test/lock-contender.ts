// A process of its own: takes turns at a lock and writes down when it is in.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { LockDirectory } from "../src/lock-directory.ts";

const [path = "", who = ""] = process.argv.slice(2);
const locks = new LockDirectory(join(path, "locks"), "the test", () => new Date());
for (let turn = 0; turn < 12; turn += 1) {
  const mode = (turn + Number(who)) % 3 === 0 ? "shared" : "exclusive";
  const lock = await locks.acquire(mode, { patience: Infinity });
  appendFileSync(join(path, "turns"), `enter ${mode} ${who}.${turn}\n`);
  await setTimeout(Math.random() * 8);
  appendFileSync(join(path, "turns"), `leave ${mode} ${who}.${turn}\n`);
  await lock[Symbol.asyncDispose]();
}
process.disconnect?.();
