import type { Secret } from "@sutazai/backup-core";

/** Where a server that was started for a test answers, from this host. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
}

/** What starting a server of one kind takes. */
export interface ServerKind {
  /** Pinned; the default wherever it can be had. None where nobody publishes one. */
  readonly official?: string;
  /** Of the stand-in, built from `tests/images/<kind>`. */
  readonly standIn: string;
  /** What the stand-in is, where it is not the real server built from Debian packages. */
  readonly standInIs?: string;
  readonly port: number;
  /** Where the server keeps its data. */
  readonly dataDirectory: string;
  readonly user: string;
  readonly environment: (password: string) => Record<string, string>;
  readonly command: (password: string) => string[];
  /** Rejects unless the server answers a question now. */
  readonly ask: (address: ServerAddress) => Promise<void>;
}

/** A client of a test server; disposing closes it. */
export interface Connection<Client> extends AsyncDisposable {
  readonly client: Client;
}

// Servers are killed, stopped and cut off between two questions: a connection kept for the next would be a dead one.
export const oneConnection: Readonly<Record<string, string>> = { connection: "close" };
