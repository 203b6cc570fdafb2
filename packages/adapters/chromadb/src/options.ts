import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";

export const formNames = ["data", "export"] as const;
export type FormName = (typeof formNames)[number];

/** How one Chroma server is reached, and what is taken of it: by its container, or by its URL alone. */
export interface ChromadbOptions {
  /** Unique within a system; `chromadb` unless given. */
  readonly name?: string | undefined;
  /** The server's container, by name or id; `sutazai-chromadb` where neither this nor `url` is given. */
  readonly container?: string | undefined;
  /** `http://host:8000` or `https://…`, instead of a container. Then there is no form `data`, and nobody can be kept out during a restore. */
  readonly url?: string | undefined;
  /** The port that the server listens on in its container; 8000 unless given. */
  readonly port?: number | undefined;
  /** The persist directory in the container; found from its environment or its mounts unless given. */
  readonly directory?: string | undefined;
  /** Tenants besides the default one: no endpoint lists them. Where the data directory can be read they are found there. */
  readonly tenants?: readonly string[] | undefined;
  /** Sent as `Authorization: Bearer …`, or in `tokenHeader`. */
  readonly token?: Secret | undefined;
  /** The header that takes the token, where it is not `Authorization`: `X-Chroma-Token`. */
  readonly tokenHeader?: string | undefined;
  /** Basic authentication, together with `password`. */
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  /** Speak TLS to a container; `ca` is a certificate in PEM that the server's own is checked against, `serverName` the name it is made out to. */
  readonly tls?: boolean | { readonly ca?: string | undefined; readonly serverName?: string | undefined } | undefined;
  /** What a backup holds: both unless given, `export` alone by URL. */
  readonly forms?: readonly FormName[] | undefined;
  /** Whether a restore of `export` removes collections that the backup does not have; `false` unless given. `data` always does. */
  readonly exact?: boolean | undefined;
  /** Seconds that the server may stand still for a copy; 10 unless given. */
  readonly maxPauseSeconds?: number | undefined;
}

export const chromadbOptionsSchema: z.ZodType<ChromadbOptions> = z
  .strictObject({
    name: z.string().min(1).optional().describe("What this database is called; unique within the system"),
    container: z.string().min(1).optional().describe("Name or id of the server's container"),
    url: z
      .url({ protocol: /^https?$/ })
      .refine((text) => new URL(text).username === "" && new URL(text).password === "", {
        error: "credentials do not belong into the URL: give `token`, or `user` and `password`",
      })
      .optional()
      .describe("The server's URL, instead of a container: http://host:8000"),
    port: z.int().min(1).max(65_535).optional().describe("The HTTP port inside the container"),
    directory: z.string().startsWith("/").optional().describe("The persist directory inside the container"),
    tenants: z.array(z.string().min(1)).optional().describe("Tenants besides the default one, which no endpoint lists"),
    token: secretSchema.optional().describe("A token, sent as a bearer unless tokenHeader is given"),
    tokenHeader: z
      .string()
      .regex(/^[\w-]+$/)
      .optional()
      .describe("The header that takes the token, where it is not Authorization"),
    user: z.string().min(1).optional().describe("User for basic authentication"),
    password: secretSchema.optional().describe("Password for basic authentication"),
    tls: z
      .union([
        z.boolean(),
        z.strictObject({
          ca: z.string().optional().describe("A certificate in PEM to check the server's own against"),
          serverName: z.string().min(1).optional().describe("The name that the server's certificate is made out to"),
        }),
      ])
      .optional()
      .describe("Speak TLS, and how the server's certificate is checked"),
    forms: z
      .array(z.enum(formNames))
      .min(1)
      .optional()
      .describe("What a backup holds: a copy of the data directory, and a portable export as JSON lines"),
    exact: z
      .boolean()
      .optional()
      .describe("Remove collections that the backup does not have, where an export is restored"),
    maxPauseSeconds: z
      .number()
      .positive()
      .optional()
      .describe("Seconds that the server may stand still for a copy; 10 unless given"),
  })
  .refine(({ container, url }) => container === undefined || url === undefined, {
    error: "give either `container` or `url`, not both",
  })
  .refine(({ url, forms }) => url === undefined || forms === undefined || !forms.includes("data"), {
    error: "the form `data` needs `container`: a URL does not lead to the data directory",
  })
  .refine(({ forms }) => forms === undefined || new Set(forms).size === forms.length, {
    error: "each of `forms` only once",
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: "`user` and `password` belong together",
  })
  .refine(({ user, token, tokenHeader }) => user === undefined || token === undefined || tokenHeader !== undefined, {
    error: "a bearer token and basic authentication use the same header: give one of them",
  })
  .describe("A Chroma server");
