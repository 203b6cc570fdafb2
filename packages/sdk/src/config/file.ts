import { pathToFileURL } from "node:url";
import { BackupError } from "@sutazai/backup-core";
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

/** Reads the given file, or the first `sutazai-backup.config.*` in the directories, if there is one. Throws `configuration`. */
export async function readConfigFile(
  path: string | undefined,
  directories: readonly string[],
): Promise<ConfigFile | undefined> {
  if (path !== undefined) return load(path, () => explorer().load(path));
  for (const directory of directories) {
    const found = await load(directory, () => explorer().search(directory));
    if (found !== undefined) return found;
  }
  return undefined;
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
