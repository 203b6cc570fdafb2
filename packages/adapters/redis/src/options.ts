import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";

export const formNames = ["rdb", "aof"] as const;
export type FormName = (typeof formNames)[number];

/** How one Redis or Valkey server is reached, and what is taken of it. Either a container, or an address, or both. */
export interface RedisOptions {
  /** What this database is called; `redis` unless given. */
  readonly name?: string;
  /** Name or id. What is not given here is then found out from it: address, port, password. */
  readonly container?: string;
  /** `redis://` or `rediss://`, with neither user nor password in it. */
  readonly url?: string;
  readonly host?: string;
  /** 6379 unless given here, in the URL or in the container's command. */
  readonly port?: number;
  /** An ACL user; the default user unless given. */
  readonly username?: string;
  readonly password?: Secret;
  /** Speak TLS; `ca` is a certificate in PEM that the server's own is checked against. */
  readonly tls?: boolean | { readonly ca?: string; readonly rejectUnauthorized?: boolean };
  /** What renamed commands are called on this server, by their own names: `{ CONFIG: "b840fc02" }`. */
  readonly commands?: Readonly<Record<string, string>>;
  /** What a backup holds: `rdb` unless given. `aof` needs a server with `appendonly yes`. */
  readonly forms?: readonly FormName[];
}

export const redisOptionsSchema: z.ZodType<RedisOptions> = z
  .strictObject({
    name: z.string().min(1).optional(),
    container: z.string().min(1).optional().describe("Container, by name or id"),
    url: z
      .url({ protocol: /^rediss?$/ })
      .refine((text) => new URL(text).username === "" && new URL(text).password === "", {
        error: "user and password do not belong into the URL: give `username` and `password`",
      })
      .optional()
      .describe("redis://host:port or rediss://host:port"),
    host: z.string().min(1).optional().describe("Host name or address, where there is no container"),
    port: z.int().min(1).max(65_535).optional().describe("Port; 6379 unless given"),
    username: z.string().min(1).optional().describe("ACL user; the default user unless given"),
    password: secretSchema.optional().describe("Password; the one of the container unless given"),
    tls: z
      .union([z.boolean(), z.strictObject({ ca: z.string().optional(), rejectUnauthorized: z.boolean().optional() })])
      .optional()
      .describe("Speak TLS: true, or JSON with `ca` and `rejectUnauthorized`"),
    commands: z
      .record(z.string().regex(/^[A-Z]+$/, "commands are named in capitals"), z.string().min(1))
      .optional()
      .describe('What renamed commands are called, as JSON: {"CONFIG": "b840fc02"}'),
    forms: z
      .array(z.enum(formNames))
      .min(1)
      .optional()
      .describe("What a backup holds: rdb, aof, or both; rdb unless given"),
  })
  .refine(({ url, host }) => url === undefined || host === undefined, {
    error: "give either `url` or `host`, not both",
  }) as z.ZodType<RedisOptions>;
