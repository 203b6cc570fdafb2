import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";

export const methodNames = ["frozen", "offline", "data-directory", "export"] as const;
export type BackupMethod = (typeof methodNames)[number];

/** How one Neo4j server is reached, and how a backup of it is taken. */
export interface Neo4jOptions {
  /** What this database is called; `neo4j` unless given. */
  readonly name?: string;
  /** Name or id. What is not given here is then found out from it: address, user, password. */
  readonly container?: string;
  /** Where Bolt answers, if not at the container's address. */
  readonly host?: string;
  /** Of Bolt; 7687 unless given. */
  readonly port?: number;
  /** `neo4j` unless given here or in the container's `NEO4J_AUTH`. */
  readonly user?: string;
  readonly password?: Secret;
  /** Speak TLS; `unverified` takes any certificate, as self-signed ones need. */
  readonly tls?: boolean | "unverified";
  /**
   * `frozen` unless given: a dump of a copy that was made while the server stood still for a moment. `offline`: a dump of the stopped server. `data-directory`: the store's
   * files, where no dump can be made. `export`: JSON lines read over Bolt, not of one moment.
   */
  readonly method?: BackupMethod;
  /**
   * What is tried, in this order, where `method` cannot be taken: no copy can be had, or no dump be made of it. None unless given: the server is neither made to stand still
   * again nor stopped unasked, and what no server was seen to start with is no dump. A backup that is no dump and stands for one is partial.
   */
  readonly fallback?: readonly BackupMethod[];
  /** Seconds that the server may stand still for a copy; 10 unless given. */
  readonly maxPauseSeconds?: number;
  /** Bytes of memory for the server that a copy is recovered in; 1.5 GiB unless given. */
  readonly recoveryMemory?: number;
  /**
   * What a restore does with the database `system`, which holds users and passwords: `restore` (unless given) brings back those of the backup,
   * `keep` leaves the server's own.
   */
  readonly system?: "restore" | "keep";
}

export const neo4jOptionsSchema: z.ZodType<Neo4jOptions> = z.strictObject({
  name: z.string().min(1).optional().describe("What this database is called; neo4j unless given"),
  container: z.string().min(1).optional().describe("Container, by name or id"),
  host: z.string().min(1).optional().describe("Host name or address of Bolt, if not the container's"),
  port: z.int().min(1).max(65_535).optional().describe("Port of Bolt; 7687 unless given"),
  user: z.string().min(1).optional().describe("User; the one of the container, or neo4j, unless given"),
  password: secretSchema.optional().describe("Password; the one of the container unless given"),
  tls: z
    .union([z.boolean(), z.literal("unverified")])
    .optional()
    .describe("Speak TLS: true, or unverified for any certificate"),
  method: z
    .enum(methodNames)
    .optional()
    .describe("How a backup is taken: frozen (unless given), offline, data-directory, export"),
  fallback: z
    .array(z.enum(methodNames))
    .optional()
    .describe("Methods to take, in order, where the first cannot be done; none unless given"),
  maxPauseSeconds: z
    .number()
    .positive()
    .optional()
    .describe("Seconds that the server may stand still for a copy; 10 unless given"),
  recoveryMemory: z
    .int()
    .min(512 * 1024 ** 2)
    .optional()
    .describe("Bytes of memory for the server that a copy is recovered in; 1.5 GiB unless given"),
  system: z
    .enum(["restore", "keep"])
    .optional()
    .describe("Users and passwords at a restore: restore those of the backup (unless given), or keep the server's"),
}) as z.ZodType<Neo4jOptions>;
