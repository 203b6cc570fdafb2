import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BackupError, codeOf } from "@sutazai/backup-core";
import { cosmiconfig, defaultLoaders, type Loader } from "cosmiconfig";

/** What a configuration file held, and where it is. */
export interface ConfigFile {
  readonly path: string;
  readonly value: unknown;
}

const extensions = ["ts", "js", "mjs", "yaml", "yml", "json"];

// Node runs TypeScript itself (from 22.18 on): a configuration needs no compiler.
const importDefault: Loader = async (path) => {
  const module: { readonly default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
};

const explorer = () =>
  cosmiconfig("sutazai-backup", {
    searchPlaces: extensions.map((extension) => `sutazai-backup.config.${extension}`),
    searchStrategy: "none",
    cache: false,
    loaders: { ...defaultLoaders, ".ts": importDefault, ".js": importDefault, ".mjs": importDefault },
  });

/** Reads the given file, or the first `sutazai-backup.config.*` in the directories, if there is one. Throws `configuration`, `refused`. */
export async function readConfigFile(
  path: string | undefined,
  directories: readonly string[],
): Promise<ConfigFile | undefined> {
  if (path !== undefined) return load(path, () => explorer().load(path));
  for (const directory of directories) {
    for (const extension of extensions) {
      const found = join(directory, `sutazai-backup.config.${extension}`);
      if (!(await isOurs(found))) continue;
      const file = await load(found, () => explorer().load(found));
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

/** Whether there is a file. Throws `refused` where somebody else wrote it, or could have: it decides what is run as this user, and may be a program. */
async function isOurs(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  });
  if (found === undefined) return false;
  const self = process.getuid?.();
  const isForeign = self !== undefined && found.uid !== self && found.uid !== 0;
  if (!isForeign && (found.mode & 0o002) === 0) return true;
  const whose = isForeign ? `belongs to another user (${found.uid})` : "can be written by everybody";
  throw new BackupError("refused", `${path} was found here, but ${whose}`, {
    operation: "configuration",
    hint: `if you trust it, name it (--config ${path}); otherwise work in another directory`,
  });
}

async function load(
  where: string,
  read: () => Promise<{ readonly config: unknown; readonly filepath: string; readonly isEmpty?: boolean } | null>,
): Promise<ConfigFile | undefined> {
  try {
    const found = await read();
    if (found === null) return undefined;
    return { path: found.filepath, value: found.isEmpty === true ? {} : found.config };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") {
      throw new BackupError("configuration", `there is no configuration file ${where}`, {
        operation: "configuration",
        hint: "check --config (BACKUP_CONFIG)",
      });
    }
    const { filepath = where } = error as { readonly filepath?: string };
    // Without the cause: it quotes the file, too.
    throw new BackupError(
      "configuration",
      `the configuration in ${filepath} cannot be read: ${problemIn(error as Error)}`,
      {
        operation: "configuration",
        hint: "mend the file; `sutazai-backup --config <file> list` tries it",
      },
    );
  }
}

/** What a parser complains of and where, without what it quotes of the file: that is a password as likely as anything else. */
function problemIn({ name, message }: Error): string {
  if (name === "ReferenceError") return "something in it is not defined: a text must be in quotes";
  const [first = ""] = message.replace(/^(?:YAML|JSON) Error in .*:\n/, "").split("\n");
  return first
    .replaceAll(/".*"/g, '"…"')
    .replaceAll(/'([^']*)'/g, (quoted, text) => (/\w/.test(text) ? "'…'" : quoted));
}
