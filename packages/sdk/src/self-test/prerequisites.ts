import { stat } from "node:fs/promises";
import { toBackupError, type DatabaseAdapter } from "@sutazai/backup-core";
import type { Prerequisite } from "./check.ts";
import type { Subject } from "./subject.ts";

type Question = (subject: Subject, database: DatabaseAdapter | undefined) => Promise<string | undefined>;

/** Why it does not hold; undefined where it does. */
const questions: Readonly<Record<Prerequisite, Question>> = {
  configuration: (subject) => whyNot("the configuration cannot be used", subject.opened()),
  databases: async (subject) => {
    const { config } = await subject.opened();
    return config.adapters.length === 0 ? "no database is known" : undefined;
  },
  docker: (subject) => whyNot("Docker does not answer", subject.listed()),
  store: async (subject) => {
    const { store } = await subject.directories();
    const found = await stat(store).catch(() => undefined);
    return found?.isDirectory() === true ? undefined : `there is no store at ${store} yet`;
  },
  report: (subject) => whyNot("the store cannot be read", subject.report()),
  server: (subject, database) => whyNot("it cannot be reached", subject.probe(known(database))),
  container: async (subject, database) => {
    const { probe } = await subject.probe(known(database));
    return probe.container === undefined ? "it is not reached through a container" : undefined;
  },
  backup: async (subject, database) => {
    const standing = await subject.standing(known(database));
    return standing?.lastGood === null || standing === undefined ? "there is no good backup of it" : undefined;
  },
};

/** The first that does not hold, with those that it needs itself. */
export async function unmet(
  needs: readonly Prerequisite[],
  subject: Subject,
  database: DatabaseAdapter | undefined,
): Promise<string | undefined> {
  for (const need of withTheirOwn(needs)) {
    const reason = await questions[need](subject, database);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

const builtOn: Readonly<Partial<Record<Prerequisite, readonly Prerequisite[]>>> = {
  databases: ["configuration"],
  store: ["configuration"],
  report: ["store"],
  container: ["server"],
  backup: ["report"],
};

function withTheirOwn(needs: readonly Prerequisite[]): Prerequisite[] {
  return [...new Set(needs.flatMap((need) => [...withTheirOwn(builtOn[need] ?? []), need]))];
}

async function whyNot(what: string, looked: Promise<unknown>): Promise<string | undefined> {
  return looked.then(
    () => undefined,
    (error: unknown) => `${what}: ${toBackupError(error).message.split("\n")[0]}`,
  );
}

function known(database: DatabaseAdapter | undefined): DatabaseAdapter {
  if (database === undefined) throw new Error("this can only be asked of a database");
  return database;
}
