// A process that lights its beacon in a directory as if it were in another pid namespace, tells who it is, and stays: `node beacon-holder.ts <directory>`.
import { lightBeacon } from "../src/beacon.ts";
import { currentProcess } from "../src/index.ts";

const identity = { ...(await currentProcess()), pidNamespace: "pid:[1]" };
await lightBeacon(process.argv[2] ?? "", identity);
process.stdin.resume().on("end", () => process.exit());
process.stdout.write(`${JSON.stringify(identity)}\n`);
