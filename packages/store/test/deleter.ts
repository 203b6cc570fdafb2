// A process of its own: deletes a backup, and kills itself right before the nth thing that it does to the disk.
import { writeSync } from "node:fs";
import fs, { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { directoryStore } from "../src/index.ts";
import { codecs, gzip, none } from "./samples.ts";

const [path = "", id = "", fatal = "Infinity"] = process.argv.slice(2);
let steps = 0;

function step(what: string): void {
  steps += 1;
  if (steps !== Number(fatal)) return;
  writeSync(process.stdout.fd, what);
  process.kill(process.pid, "SIGKILL");
}

type Call = (...args: unknown[]) => Promise<unknown>;

function counted(target: object, names: readonly string[]): void {
  const methods = target as Record<string, Call>;
  for (const name of names) {
    const original = methods[name] as Call;
    methods[name] = function (this: unknown, ...args) {
      if (name !== "open" || /[wa]/.test(String(args[1])))
        step(`${name} ${typeof args[0] === "string" ? args[0] : ""}`);
      return original.apply(this, args);
    };
  }
}

const store = directoryStore({ path, codec: gzip, codecOf: (name) => codecs[name] ?? none });
await using _lock = await store.lock("exclusive", { wait: false, signal: new AbortController().signal });

// The lock is not the matter here: the steps count from now on.
const removeTree = fs.rm;
const file = await open("/dev/null");
counted(Object.getPrototypeOf(file) as object, ["appendFile", "writeFile", "sync", "truncate"]);
await file.close();
counted(fs, ["open", "rename", "mkdir", "chmod", "link", "unlink"]);
// One entry at a time, so that it can be killed in between.
fs.rm = async (target, options) => {
  const entries = options?.recursive === true ? await fs.readdir(target).catch(() => []) : [];
  for (const entry of entries) await fs.rm(join(String(target), entry), options);
  step(`rm ${String(target)}`);
  await removeTree(target, options);
};
syncBuiltinESMExports();

await store.delete(id);
