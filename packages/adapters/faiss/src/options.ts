import { z } from "zod";

/** Where the files are, and which of them belong to the set. One of `container`, `volume` and `directory` says where. */
export interface FaissOptions {
  /** What this database is called; `faiss` unless given. */
  readonly name?: string;
  /** Name or id of the container whose service owns the files. */
  readonly container?: string;
  /** A Docker volume; the container that mounts it is found. */
  readonly volume?: string;
  /**
   * The directory with the files: a path in the container (found from `FAISS_DATA` or its only mount unless given), within the volume, or, where neither is
   * named, on this host.
   */
  readonly directory?: string;
  /** For a volume that no container mounts: an image with `sh`, `find`, `stat`, `cksum` and `tar` to read it with. */
  readonly image?: string;
  /** For a directory of this host: commands that stop and start whoever writes to it. */
  readonly service?: { readonly stop: readonly string[]; readonly start: readonly string[] };
  /** Names of index files, `*` and `?` allowed; `*.index` and `*.faiss` unless given. Others are known by their content. */
  readonly indexes?: readonly string[];
  /** Names that are not part of the set, wherever they are in it; `*.tmp` unless given. */
  readonly exclude?: readonly string[];
  /**
   * A file of this ending beside an index holds, as JSON, one id for each of its vectors; `.ids.json` unless given, none where it is empty. Where there is such a
   * file, it must have as many.
   */
  readonly ids?: string;
  /** Seconds that the container may stand still, where its files do not come to rest; 10 unless given. */
  readonly maxPauseSeconds?: number;
}

const command = z.array(z.string().min(1)).min(1);
const pattern = z
  .string()
  .min(1)
  .regex(/^[^/]*$/, "names are without a directory");

export const faissOptionsSchema: z.ZodType<FaissOptions> = z
  .strictObject({
    name: z.string().min(1).optional().describe("What this database is called; faiss unless given"),
    container: z.string().min(1).optional().describe("Container whose service owns the files, by name or id"),
    volume: z.string().min(1).optional().describe("Docker volume with the files, instead of a container"),
    directory: z
      .string()
      .min(1)
      .optional()
      .describe("Directory with the files: in the container, in the volume, or on this host where neither is named"),
    image: z.string().min(1).optional().describe("Image to read a volume with that no container mounts"),
    service: z
      .strictObject({ stop: command, start: command })
      .optional()
      .describe("Commands that stop and start whoever writes to a directory of this host, as JSON"),
    indexes: z.array(pattern).optional().describe("Names of index files; *.index and *.faiss unless given"),
    exclude: z.array(pattern).optional().describe("Names that are not part of the set; *.tmp unless given"),
    ids: z
      .string()
      .regex(/^[^/]*$/)
      .optional()
      .describe("Ending of the file beside an index with one id for each vector; .ids.json unless given"),
    maxPauseSeconds: z
      .number()
      .positive()
      .optional()
      .describe("Seconds that the container may stand still for a copy; 10 unless given"),
  })
  .refine(({ container, volume, directory }) => (container ?? volume ?? directory) !== undefined, {
    error: "one of `container`, `volume` and `directory` is needed",
  })
  .refine(({ container, volume }) => container === undefined || volume === undefined, {
    error: "give either `container` or `volume`, not both",
  }) as z.ZodType<FaissOptions>;

/** What belongs to the set, and what is held against what. */
export interface SetRules {
  readonly isIndex: (name: string) => boolean;
  readonly isExcluded: (path: string) => boolean;
  /** The setting `exclude`. */
  readonly exclude: readonly string[];
  /** What no set has, and then those. */
  readonly excluded: readonly string[];
  readonly ids: string;
}

/** Never of a user's: what `mkfs` makes, and where a restore puts things aside. */
const neverContent = ["lost+found", ".sutazai-restore-*"];

export function rulesOf({
  indexes = ["*.index", "*.faiss"],
  exclude = ["*.tmp"],
  ids = ".ids.json",
}: FaissOptions): SetRules {
  const excluded = [...neverContent, ...exclude];
  const isIndex = matcher(indexes);
  const isOut = matcher(excluded);
  return { isIndex, isExcluded: (path) => path.split("/").some(isOut), exclude, excluded, ids };
}

/** Names that one of the patterns fits as a whole; byte by byte, as the shell's tools see them. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const sources = patterns.map((text) =>
    bytesOf(text)
      .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", "."),
  );
  const all = new RegExp(`^(?:${sources.length === 0 ? "(?!)" : sources.join("|")})$`, "s");
  return (name) => all.test(bytesOf(name));
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}
