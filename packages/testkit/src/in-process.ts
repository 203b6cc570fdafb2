// Faults within a process that is being tested, without the servers: loaded in an instant, before its own program.
export { failing, FaultyDisk, type DiskStep } from "./faulty-disk.ts";
export { JumpingClock } from "./jumping-clock.ts";
