import type { ServerAddress } from "../kinds/server-kind.ts";

/** What a conformance suite puts into a server, and does to it as an application would. */
export interface SampleContent {
  /** Into an empty server: some megabytes, everything that users have. */
  fill(server: ServerAddress): Promise<void>;
  /** Adds content whose names and values break what quotes carelessly. */
  fillHostile(server: ServerAddress): Promise<void>;
  /** Changes what `fill` made, everywhere that a restore has to put it back. */
  change(server: ServerAddress): Promise<void>;
  /** One small write; rejects where writers are kept out. */
  write(server: ServerAddress): Promise<void>;
  /** Removes everything of a user's. */
  empty(server: ServerAddress): Promise<void>;
  /** The settings of the running server that an operation might turn, and has to turn back. */
  settings(server: ServerAddress): Promise<Readonly<Record<string, string>>>;
}
