import { BackupError } from "@sutazai/backup-core";

/** A line of the manifest of a multi-part AOF (Redis 7 and later): what is loaded, in this order. */
export interface AofFile {
  readonly name: string;
  readonly sequence: number;
  /** The state it begins with, what was written since, what is kept for nothing. */
  readonly role: "base" | "increment" | "history";
}

const roles: Readonly<Record<string, AofFile["role"]>> = { b: "base", i: "increment", h: "history" };
const plainName = /^[^\s"'\\/#]+$/;
/** Characters. The pattern below would go over a longer line again and again; the server itself takes no more than 1,024. */
const longestLine = 1_024;

/** Reads a manifest. Throws `corrupt` for lines that are none, `unsupported` for names that need quoting. */
export function parseManifest(text: string): AofFile[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const match = line.length <= longestLine && /^file (.+?) seq (\d{1,15}) type ([bih])( \S+ \S+)*\s*$/.exec(line);
      if (!match) {
        throw new BackupError(
          "corrupt",
          `the manifest of the AOF has a line that is none: ${JSON.stringify(line.slice(0, 200))}`,
          {
            operation: "redis.aof",
            hint: "this file cannot be trusted; use another backup",
          },
        );
      }
      const name = match[1]!;
      if (!plainName.test(name) || name === "." || name === "..") {
        throw new BackupError("unsupported", `the AOF has a file of the name ${JSON.stringify(name)}`, {
          operation: "redis.aof",
          hint: "give `appendfilename` a name without spaces and quotes, or use the form rdb",
        });
      }
      return { name, sequence: Number(match[2]), role: roles[match[3]!]! };
    });
}

/** A manifest that lists these files, as the server would write it. */
export function formatManifest(files: readonly AofFile[]): string {
  return files.map(({ name, sequence, role }) => `file ${name} seq ${sequence} type ${role[0]}\n`).join("");
}
