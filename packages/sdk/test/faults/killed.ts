// One operation of a trial in a process of its own, which is killed at one of its calls of the disk: `node killed.ts <directory> <operation> <call>`.
import { FaultyDisk } from "@sutazai/backup-testkit/in-process";
import { Trial, type Operation } from "./bench.ts";

const [directory = "", operation, call] = process.argv.slice(2);
const trial = new Trial(directory, []);
using disk = await FaultyDisk.at(trial.root);
disk.failAt(Number(call), () => {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
});
await trial.run(operation as Operation);
