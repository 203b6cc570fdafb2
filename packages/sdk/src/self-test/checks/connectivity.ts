import { formatBytes, formatDuration } from "@sutazai/backup-reporter";
import { madeBy } from "../../version.ts";
import { fail, pass, skip, warn, type Check } from "../check.ts";

/** Milliseconds after which an answer is a slow one. */
const slow = 3000;

export const connectivityChecks: readonly Check[] = [
  {
    id: "connectivity.server",
    layer: "connectivity",
    title: "The server answers and takes the credentials",
    each: "database",
    run: async (subject, database) => {
      const { probe } = await subject.probe(database);
      const size = probe.sizeEstimate === undefined ? "" : `, about ${formatBytes(probe.sizeEstimate)}`;
      return pass(`${database.kind} ${probe.version}${size}`);
    },
  },
  {
    id: "connectivity.speed",
    layer: "connectivity",
    title: "The server answers soon",
    each: "database",
    needs: ["server"],
    run: async (subject, database) => {
      const { ms } = await subject.probe(database);
      const found = `after ${formatDuration(ms)}`;
      return ms <= slow ? pass(found) : warn(found, "see what keeps the server or this machine busy");
    },
  },
  {
    id: "connectivity.advice",
    layer: "connectivity",
    title: "The server is set up so that it can be restored",
    each: "database",
    needs: ["server"],
    run: async (subject, database) => {
      const { warnings } = (await subject.probe(database)).probe;
      return warnings.length === 0 ? pass("nothing to say") : warn(warnings.join("; "), "follow what it says");
    },
  },
  {
    id: "connectivity.apart",
    layer: "connectivity",
    title: "No two names stand for the same server",
    needs: ["databases"],
    run: async (subject) => {
      const { adapters } = (await subject.opened()).config;
      const probed = await Promise.all(
        adapters.map((adapter) =>
          subject.probe(adapter).then(
            ({ probe }) => [{ name: adapter.name, resource: `${adapter.kind} ${probe.resource}` }],
            () => [],
          ),
        ),
      );
      const reached = probed.flat();
      if (reached.length < 2) return skip("fewer than two databases were reached");
      const twice = reached.filter(
        ({ resource }, index) => reached.findIndex((other) => other.resource === resource) !== index,
      );
      return twice.length === 0
        ? pass(`${reached.length} servers`)
        : warn(
            `${twice.map(({ name }) => name).join(", ")} are backed up under another name as well`,
            "take one name out",
          );
    },
  },
  {
    id: "versions.server",
    layer: "versions",
    title: "The server is of the version that its last backup was taken from",
    each: "database",
    needs: ["server", "backup"],
    run: async (subject, database) => {
      const { version } = (await subject.probe(database)).probe;
      const id = (await subject.standing(database))?.lastGood?.id ?? "";
      const { manifest } = await (await subject.opened()).system.show(id);
      return manifest.serverVersion === version
        ? pass(version)
        : warn(
            `the backup is of ${manifest.serverVersion}, the server is ${version}`,
            `back it up and drill it: sutazai-backup backup ${database.name} --prove`,
          );
    },
  },
  {
    id: "versions.readable",
    layer: "versions",
    title: "This version can read every backup",
    needs: ["report"],
    run: async (subject) => {
      const listed = await (await subject.opened()).system.list();
      const newer = listed.filter(({ problem }) => problem?.reason === "incompatible-version");
      return newer.length === 0
        ? pass(`${listed.length} backups`)
        : fail(
            `${newer.length} cannot be read, the first is ${newer[0]?.id}`,
            "use the version that made them, or a later one",
          );
    },
  },
  {
    id: "versions.program",
    layer: "versions",
    title: "The last backup was made by this version",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const id = (await subject.standing(database))?.lastGood?.id ?? "";
      const { manifest } = await (await subject.opened()).system.show(id);
      return manifest.madeBy === madeBy
        ? pass(madeBy)
        : warn(
            `it was made by ${manifest.madeBy}, this is ${madeBy}`,
            "back up once more, so that the newest is of this version",
          );
    },
  },
];
