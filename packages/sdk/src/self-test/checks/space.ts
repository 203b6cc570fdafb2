import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { Problem } from "@sutazai/backup-reporter";
import { formatBytes } from "@sutazai/backup-reporter";
import { sharingDisk } from "../../monitor/probes.ts";
import { fail, pass, skip, warn, type Check, type Finding } from "../check.ts";

const mebibyte = 1024 ** 2;
const least = { store: 256 * mebibyte, state: 64 * mebibyte, inodes: 0.02 };
/** The type that statfs(2) tells of a file system in memory. */
const tmpfs = 0x01021994;

export const spaceChecks: readonly Check[] = [
  {
    id: "space.store",
    layer: "space",
    title: "The store has room for the next backups",
    needs: ["configuration"],
    run: async (subject) => {
      const { bavail, bsize } = await statfs(await existing((await subject.directories()).store));
      const free = bavail * bsize;
      const report = await subject.report().catch(() => undefined);
      const problem = report?.problems.find(({ cause }) => cause === "store-full");
      if (problem !== undefined) return ofProblem(problem);
      return free >= least.store
        ? pass(`${formatBytes(free)} are free`)
        : fail(`only ${formatBytes(free)} are free`, "give the store more room, or keep less");
    },
  },
  {
    id: "space.forecast",
    layer: "space",
    title: "The store does not fill up soon",
    needs: ["report"],
    run: async (subject) => {
      const { forecast } = (await subject.report()).store;
      if (!forecast.known) return skip(forecast.reason);
      if (forecast.days === null) return pass("it does not grow");
      const found = `full in ${Math.floor(forecast.days)} days, ${formatBytes(Math.max(0, forecast.bytesPerDay))} a day`;
      return forecast.days > 21 ? pass(found) : warn(found, "give the store more room, or keep less");
    },
  },
  {
    id: "space.state",
    layer: "space",
    title: "The journal has room",
    needs: ["configuration"],
    run: async (subject) => {
      const { bavail, bsize } = await statfs(await existing((await subject.directories()).state));
      const found = `${formatBytes(bavail * bsize)} are free`;
      return bavail * bsize >= least.state ? pass(found) : fail(found, "make room where stateDir is");
    },
  },
  {
    id: "space.inodes",
    layer: "space",
    title: "The store's file system can take more files",
    needs: ["configuration"],
    run: async (subject) => {
      const { files, ffree } = await statfs(await existing((await subject.directories()).store));
      if (files === 0) return skip("this file system does not count files");
      const found = `${ffree} of ${files} inodes are free`;
      return ffree / files >= least.inodes ? pass(found) : fail(found, "remove files from that file system");
    },
  },
  {
    id: "space.lasting",
    layer: "space",
    title: "The store is not in memory",
    needs: ["configuration"],
    run: async (subject) => {
      const { type } = await statfs(await existing((await subject.directories()).store));
      return type === tmpfs
        ? fail("it is on a file system that goes with the next boot", "set dir (BACKUP_DIR) to a directory on a disk")
        : pass("it is on a disk");
    },
  },
  {
    id: "space.own-disk",
    layer: "space",
    title: "The store is not on the databases' own disk",
    needs: ["databases", "store"],
    run: async (subject) => {
      const { config } = await subject.opened();
      const probed = await Promise.all(config.adapters.map((adapter) => subject.probe(adapter).catch(() => undefined)));
      const reached = config.adapters.map(({ name }, index) => ({
        database: name,
        version: null,
        error: null,
        container: probed[index]?.probe.container,
      }));
      if (reached.every(({ container }) => container === undefined))
        return skip("where the databases' disks are is not known");
      const sharing = await sharingDisk((await subject.directories()).store, reached);
      return sharing.length === 0
        ? pass("no database that could be looked at shares it")
        : warn(
            `a broken disk would take both: ${sharing.join(", ")}`,
            "keep the store on another disk, and a copy elsewhere",
          );
    },
  },
];

/** A problem of the report as a finding. */
export function ofProblem({ severity, title, what, action }: Problem): Finding {
  return severity === "critical" ? fail(`${title}: ${what}`, action) : warn(`${title}: ${what}`, action);
}

/** The directory, or the nearest above it that is there. */
async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await stat(at).catch(() => undefined)) !== undefined || at === dirname(at)) return at;
  }
}
