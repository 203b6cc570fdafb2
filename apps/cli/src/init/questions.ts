import type { ProposedDatabase, TriedDatabase } from "@sutazai/backup-sdk";

/** Everything that `init` asks. */
export interface Questions {
  which(proposed: readonly ProposedDatabase[]): Promise<readonly ProposedDatabase[]>;
  /** A file that holds the password or token of a database that let nobody in; undefined where that is to wait. */
  secretFile(database: TriedDatabase, option: string): Promise<string | undefined>;
  dir(usual: string): Promise<string>;
  schedule(recommended: string): Promise<string>;
  write(path: string): Promise<boolean>;
}

/** For `--yes`: what says itself that it is a database, with what is recommended. */
export const noQuestions: Questions = {
  which: (proposed) => Promise.resolve(proposed.filter(({ by }) => by !== "image")),
  secretFile: () => Promise.resolve(undefined),
  dir: (usual) => Promise.resolve(usual),
  schedule: (recommended) => Promise.resolve(recommended),
  write: () => Promise.resolve(true),
};
