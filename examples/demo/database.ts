import type { DatabaseAdapter } from "@sutazai/backup-core";
import type { ServerOptions, TestServer } from "@sutazai/backup-testkit";

/** Something that a database says of its content when it is asked by plain client calls: independent of everything a backup does. */
export type DemoFact = readonly [name: string, value: string];

/** What the demo does with one kind of database. */
export interface DemoDatabase {
  readonly options?: ServerOptions;
  readonly adapter: (server: TestServer) => DatabaseAdapter;
  readonly fill: (server: TestServer) => Promise<void>;
  readonly question: (server: TestServer) => Promise<DemoFact[]>;
  /** Everything of it is lost. */
  readonly destroy: (server: TestServer) => Promise<void>;
  /** Facts worth showing, by name. */
  readonly shown: RegExp;
}
