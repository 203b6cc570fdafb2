// Loaded before the command line (`node --import`): counts the moments of its run, tells each on file descriptor 3, and does something at one of them.
import { writeSync } from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { failing, FaultyDisk, JumpingClock } from "@sutazai/backup-testkit/in-process";
import { deedVariable, directoryVariable, stepName, type Deed, type Moment, type MomentKind } from "./moments.ts";

const deed = JSON.parse(process.env[deedVariable] ?? "null") as Deed | null;
// Programs that this one starts count nothing.
delete process.env[deedVariable];
const clock = new JumpingClock();

let count = 0;
let isDone = deed === null;
let step = "beginning";

function reach(kind: MomentKind): void {
  const index = count++;
  writeSync(3, `${JSON.stringify({ kind, step } satisfies Moment)}\n`);
  if (isDone || (deed?.at !== index && deed?.at !== step)) return;
  isDone = true;
  if (deed.do === "die") process.kill(process.pid, "SIGKILL");
  else if (deed.do === "stand still") process.kill(process.pid, "SIGSTOP");
  else if (deed.do === "jump") clock.jump(deed.by);
  else if (deed.do === "fail") disk[deed.onwards === true ? "failEvery" : "failNext"](deed.steps, failing("EIO"));
}

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = ((...args: Parameters<typeof write>) => {
  const written = write(...args);
  const next = announced(String(args[0]));
  if (next !== undefined && next !== step) {
    step = next;
    reach("announced");
  }
  return written;
}) as typeof write;

/** What a line of `--json` says that the command is doing now. */
function announced(line: string): string | undefined {
  const { type, step: told } = JSON.parse(line) as { readonly type: string; readonly step?: string };
  if (type === "progress") return stepName(told ?? "");
  return { "database-start": "looking", "database-end": "reporting" }[type];
}

const { request } = http;
http.request = ((...args: Parameters<typeof request>) => {
  const { method, socketPath } = args[0] as unknown as http.RequestOptions;
  if (socketPath !== undefined && socketPath !== null && method !== "GET") reach("docker");
  return request(...args);
}) as typeof request;
syncBuiltinESMExports();

const disk = await FaultyDisk.at(process.env[directoryVariable] ?? "");
// Not the writes: how many there are of one artifact depends on how its bytes come.
disk.failEvery(["sync", "rename", "make", "remove"], (call) => {
  reach("disk");
  return call();
});
