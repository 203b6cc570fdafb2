import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";

/** Of what each collection is captured apart. */
export const collectionForms = ["snapshot", "scroll"] as const;
export type CollectionForm = (typeof collectionForms)[number];

export const formNames = ["snapshot", "scroll", "data"] as const;
export type FormName = (typeof formNames)[number];

/** How one Qdrant server is reached, and what is taken of it: by its container, or by its URL alone. */
export interface QdrantOptions {
  /** Unique within a system; `qdrant` unless given. */
  readonly name?: string | undefined;
  /** The server's container, by name or id; `sutazai-qdrant` where neither this nor `url` is given. Address, API key and TLS are then found out from it. */
  readonly container?: string | undefined;
  /** `http://host:6333` or `https://…`, instead of a container. Then nobody can be kept out during a restore. */
  readonly url?: string | undefined;
  /** The port that the server listens on in its container; 6333 unless given or in the container's environment. */
  readonly port?: number | undefined;
  /** One that may write: snapshots have to be made. */
  readonly apiKey?: Secret | undefined;
  /** Speak TLS to a container; `ca` is a certificate in PEM that the server's own is checked against, `serverName` the name it is made out to. */
  readonly tls?: boolean | { readonly ca?: string | undefined; readonly serverName?: string | undefined } | undefined;
  /** What a backup holds: `snapshot` unless given. `data`, the storage directory, only by its container. */
  readonly forms?: readonly FormName[] | undefined;
  /** Whether the points are read twice, besides the snapshot, for a digest of what is in them; `true` unless given. */
  readonly contentDigest?: boolean | undefined;
  /** The storage directory in the container, for the form `data`; found from its environment unless given. */
  readonly directory?: string | undefined;
  /** Seconds that the server may stand still for the form `data`; 10 unless given. */
  readonly maxPauseSeconds?: number | undefined;
  /** Whether a restore removes collections and aliases that the backup does not have, also where it was not asked for it (`RestoreOptions.exact`); `false` unless given. */
  readonly exact?: boolean | undefined;
}

export const qdrantOptionsSchema: z.ZodType<QdrantOptions> = z
  .strictObject({
    name: z.string().min(1).optional().describe("What this database is called; unique within the system"),
    container: z.string().min(1).optional().describe("Name or id of the server's container"),
    url: z
      .url({ protocol: /^https?$/ })
      .refine((text) => new URL(text).username === "" && new URL(text).password === "", {
        error: "credentials do not belong into the URL: give `apiKey`",
      })
      .optional()
      .describe("The server's URL, instead of a container: http://host:6333"),
    port: z.int().min(1).max(65_535).optional().describe("The HTTP port inside the container"),
    apiKey: secretSchema.optional().describe("An API key that may write"),
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
      .describe(
        "What a backup holds: the server's own snapshots, a portable export of all points as JSON lines (scroll), its storage directory (data)",
      ),
    directory: z.string().startsWith("/").optional().describe("The storage directory inside the container"),
    maxPauseSeconds: z
      .number()
      .positive()
      .max(3_600)
      .optional()
      .describe("Seconds that the server may stand still for the form data; 10 unless given"),
    contentDigest: z
      .boolean()
      .optional()
      .describe("Read all points twice for a digest of their content, by which a restore is proven"),
    exact: z
      .boolean()
      .optional()
      .describe("Remove collections and aliases that the backup does not have, instead of leaving them alone"),
  })
  .refine(({ container, url }) => container === undefined || url === undefined, {
    error: "give either `container` or `url`, not both",
  })
  .refine(({ forms, url }) => url === undefined || forms?.includes("data") !== true, {
    error: "the form `data` needs a `container`",
  })
  .refine(({ forms }) => forms === undefined || new Set(forms).size === forms.length, {
    error: "each of `forms` only once",
  })
  .describe("A Qdrant server");
