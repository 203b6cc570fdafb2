import { formatBytes, formatDuration, type Problem } from "@sutazai/backup-reporter";
import type { DatabaseAdapter } from "@sutazai/backup-core";
import { fail, pass, skip, warn, type Check, type Finding } from "../check.ts";
import type { Subject } from "../subject.ts";
import { ofProblem } from "./space.ts";

export const backupChecks: readonly Check[] = [
  {
    id: "backups.there",
    layer: "backups",
    title: "There is a good backup",
    each: "database",
    needs: ["report"],
    run: async (subject, { name }) => {
      const standing = (await subject.report()).databases.find(({ database }) => database === name);
      const good = standing?.lastGood ?? null;
      return good === null
        ? fail(
            `${standing?.backups.length ?? 0} in the store, none of them whole, read to its end and undamaged`,
            `sutazai-backup backup ${name}`,
          )
        : pass(`${good.id}, ${formatBytes(good.plainBytes)}`);
    },
  },
  {
    id: "backups.fresh",
    layer: "backups",
    title: "The last good backup is recent enough",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const standing = await subject.standing(database);
      const age = formatDuration(standing?.rpoMs ?? 0);
      return unlessProblem(
        subject,
        database,
        ["no-good-backup", "clock"],
        pass(`${age} old, up to ${formatDuration(standing?.budgets.rpoMs ?? 0)} are allowed`),
      );
    },
  },
  {
    id: "backups.last-run",
    layer: "backups",
    title: "The last run succeeded",
    each: "database",
    needs: ["report"],
    run: async (subject, database) => {
      const last = (await subject.standing(database))?.lastRun ?? null;
      if (last === null) return skip("no run is known");
      const causes = ["backup-failed", "backup-partial", "backup-cancelled"];
      return unlessProblem(subject, database, causes, pass(`${last.status}, ${last.at}`));
    },
  },
  {
    id: "backups.integrity",
    layer: "backups",
    title: "The newest good backup is byte for byte what was written",
    each: "database",
    needs: ["backup"],
    alone: true,
    limit: "database",
    run: async (subject, database, signal) => {
      const { store } = (await subject.opened()).system;
      const id = (await subject.standing(database))?.lastGood?.id ?? "";
      const { files, bytes, problems } = await store.checkIntegrity(id, signal);
      return problems.length === 0
        ? pass(`${id}: ${files} files, ${formatBytes(bytes)}`)
        : damaged(`${id}: ${problems.join("; ")}`, database);
    },
  },
  {
    id: "backups.structure",
    layer: "backups",
    title: "The newest good backup can be parsed to its end",
    each: "database",
    needs: ["backup"],
    effect: "writes",
    alone: true,
    limit: "database",
    run: async (subject, database, signal) => {
      const id = (await subject.standing(database))?.lastGood?.id ?? "";
      const [result] = await (await subject.opened()).system.verify({ backup: id, level: "structure", signal });
      if (result === undefined) return fail(`${id} could not be verified`, "test again");
      return result.ok ? pass(id) : damaged(`${id}: ${result.problems.join("; ")}`, database);
    },
  },
  {
    id: "backups.undamaged",
    layer: "backups",
    title: "No backup is known to be damaged",
    each: "database",
    needs: ["report"],
    run: async (subject, database) => {
      const { backups = [] } = (await subject.standing(database)) ?? {};
      if (backups.length === 0) return skip("there is no backup of it");
      const bad = backups.filter(({ damage, problem }) => damage !== null || problem !== null).map(({ id }) => id);
      return bad.length === 0 ? pass(`${backups.length} backups`) : damaged(bad.join(", "), database);
    },
  },
  {
    id: "backups.filled",
    layer: "backups",
    title: "The database has not been emptied",
    each: "database",
    needs: ["backup"],
    run: (subject, database) => unlessProblem(subject, database, ["emptied"], pass("it has not")),
  },
  {
    id: "backups.read",
    layer: "backups",
    title: "What is kept has been read since it was written",
    each: "database",
    needs: ["report"],
    run: async (subject, database) => {
      const coverage = (await subject.standing(database))?.coverage;
      if (coverage === undefined || coverage.backups === 0) return skip("there is no backup of it");
      const unread = coverage.none + coverage.checksum + coverage.unknown;
      return unread === 0
        ? pass(`${coverage.backups} backups, ${coverage.restore} of them restored in a drill`)
        : warn(
            `${unread} of ${coverage.backups} have not been parsed to their end`,
            `sutazai-backup verify ${database.name}`,
          );
    },
  },
  {
    id: "backups.drilled",
    layer: "backups",
    title: "A backup was restored in a drill lately",
    each: "database",
    needs: ["backup"],
    run: async (subject, database) => {
      const proven = (await subject.standing(database))?.drills.find(({ verdict }) => verdict === "proven");
      const none = warn("none was yet", `sutazai-backup verify ${database.name} --level restore`);
      return unlessProblem(
        subject,
        database,
        ["drill-failed", "drill-overdue"],
        proven === undefined ? none : pass(proven.at),
      );
    },
  },
];

function damaged(what: string, { name }: DatabaseAdapter): Finding {
  return {
    ...fail(what, `restore none of these; sutazai-backup backup ${name}, and look at the disk`),
    isDamage: true,
  };
}

/** What the report says of the database and these causes, or that all is well. */
export async function unlessProblem(
  subject: Subject,
  { name }: DatabaseAdapter,
  causes: readonly string[],
  otherwise: Finding,
): Promise<Finding> {
  const found = (await subject.report()).problems.find(({ cause }: Problem) =>
    causes.some((each) => cause === `${each}:${name}`),
  );
  return found === undefined ? otherwise : ofProblem(found);
}
