import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";

/** How to reach one PostgreSQL server, and what of it to protect. What is not given is taken from the container's environment. */
export interface PostgresOptions {
  /** Unique within a system; `postgres` unless given. */
  readonly name?: string | undefined;
  /** The server's container, by name or id; `sutazai-postgres` where neither this nor `url` nor `host` is given. */
  readonly container?: string | undefined;
  /** `postgresql://user:password@host:port/database`. Without a container, the tools of this host are used. */
  readonly url?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** A superuser: others can neither read nor restore everything. */
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  /** The database to connect to first. */
  readonly maintenanceDatabase?: string | undefined;
  /** Databases that are left out on purpose; without them a backup still counts as complete. */
  readonly excludeDatabases?: readonly string[] | undefined;
  /** Databases dumped or restored at once; 2 unless given. */
  readonly parallel?: number | undefined;
  /** Whether a restore puts roles that exist already back to what they were in the backup, or keeps them; `restore` unless given. */
  readonly roles?: "restore" | "keep" | undefined;
}

export const postgresOptionsSchema: z.ZodType<PostgresOptions> = z.strictObject({
  name: z.string().min(1).optional(),
  container: z.string().min(1).optional().describe("Container, by name or id"),
  url: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//, "expected postgresql://user@host:port/database")
    .optional()
    .describe("postgresql://user@host:port/database; without a container, tools of this host are used"),
  host: z.string().min(1).optional().describe("Host name or address, where there is no container"),
  port: z.number().int().min(1).max(65535).optional().describe("Port; 5432 unless given"),
  user: z.string().min(1).optional().describe("A superuser; the one of the container unless given"),
  password: secretSchema.optional().describe("Password; the one of the container unless given"),
  maintenanceDatabase: z.string().min(1).optional().describe("Database to connect to first"),
  excludeDatabases: z.array(z.string()).readonly().optional().describe("Databases left out on purpose"),
  parallel: z
    .number()
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe("Databases of the server dumped or restored at once; 2 unless given"),
  roles: z
    .enum(["restore", "keep"])
    .optional()
    .describe("Whether a restore puts existing roles back (`restore`) or leaves them (`keep`)"),
});
