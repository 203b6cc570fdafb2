import {
  BackupError,
  isBackupError,
  outputOf,
  type Bytes,
  type OperationContext,
  type ToolExit,
} from "@sutazai/backup-core";
import { writeTar, type TarInput } from "@sutazai/backup-formats";
import type { Persistence } from "../persistence.ts";
import { readingTool } from "../server-file.ts";
import { containerOf, type Target } from "../target.ts";
import { AofContent } from "./content.ts";
import { formatManifest } from "./manifest.ts";

const changed = 75;
const attempts = 5;

/**
 * Opens every file that the manifest lists, and looks whether it still lists the same: what is open stays readable though a rewrite
 * removes it. The server's settings are not touched. Then a head of lines ("file <size> <name>"), the manifest, the contents in order.
 * A file is read up to the size it had, for the last one grows. POSIX sh; no more files than it has single-digit descriptors.
 */
const script = `set -f
cd -- "$1" || exit 66
before=$(cat -- "$2") || exit 66
set -- "$2" $(printf '%s\\n' "$before" | sed -n 's/^file \\([^ ]*\\) seq [0-9]* type [bi].*$/\\1/p')
manifest=$1; shift
[ $# -ge 1 ] && [ $# -le 7 ] || { echo "the manifest lists $# files" >&2; exit 65; }
head=
descriptor=2
for name in "$@"; do
  descriptor=$((descriptor + 1))
  [ -f "$name" ] || exit ${changed}
  eval "exec $descriptor<\\"\\$name\\"" || exit ${changed}
  size=$(stat -L -c %s -- "$name") || exit ${changed}
  head="$head$size $name
"
done
[ "$before" = "$(cat -- "$manifest")" ] || exit ${changed}
printf '%s\\n' "$head"
printf '%s\\n\\n' "$before"
descriptor=2
for name in "$@"; do
  descriptor=$((descriptor + 1))
  size=\${head%% *}
  head=\${head#*
}
  head -c "$size" <&$descriptor || exit 74
done
`;

/** A copy of the AOF as one tar, with what it holds; `content` is complete when the tar has been read to its end. */
export interface AofCopy {
  readonly tar: Bytes;
  readonly content: AofContent;
  /** The files were opened, and their sizes taken, before this moment. */
  readonly openedAt: string;
}

/** Opens the set as it stands. Throws `locked` where it keeps changing. */
export async function readAof(context: OperationContext, target: Target, where: Persistence): Promise<AofCopy> {
  const container = containerOf(target);
  const directory = `${where.directory}/${where.aofDirectory}`;
  const command = ["sh", "-c", script, "aof", directory, `${where.aofFile}.manifest`];
  for (let attempt = 0; attempt < attempts; attempt++) {
    const tool = await readingTool(context, container, where.directory, command);
    const reader = new Reader(outputOf(tool, { tool: "sh", operation: "redis.aof", classify: asChange }));
    try {
      const sizes = (await reader.paragraph()).split("\n").map((line) => {
        const [size, ...name] = line.split(" ");
        return { size: Number(size), name: name.join(" ") };
      });
      const content = new AofContent(await reader.paragraph());
      return { tar: tarOf(reader, where, content, sizes), content, openedAt: new Date().toISOString() };
    } catch (error) {
      await reader.close();
      if (!(isBackupError(error) && error.reason === "locked")) throw error;
    }
  }
  throw new BackupError("locked", `the AOF was rewritten ${attempts} times while it was opened`, {
    operation: "redis.aof",
    database: target.database,
    hint: "run it again when the server rewrites its AOF less often",
  });
}

async function* tarOf(
  reader: Reader,
  { aofFile }: Persistence,
  content: AofContent,
  sizes: readonly { readonly size: number; readonly name: string }[],
): Bytes {
  async function* entries(): AsyncGenerator<TarInput> {
    yield { name: `${aofFile}.manifest`, content: Buffer.from(formatManifest(content.files)), mode: 0o600 };
    for (const { size, name } of sizes) {
      yield { name, size, mode: 0o600, content: content.file(name, reader.exactly(size)) };
    }
    await reader.end();
    content.end();
  }
  try {
    yield* writeTar(entries());
  } finally {
    await reader.close();
  }
}

function asChange({ code }: ToolExit): BackupError | undefined {
  return code === changed ? new BackupError("locked", "the AOF changed while it was opened") : undefined;
}

/** Takes a stream apart into paragraphs of text and stretches of bytes. */
class Reader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Text up to an empty line, which is at most 64 KiB away. */
  async paragraph(): Promise<string> {
    for (;;) {
      const text = Buffer.from(this.#rest);
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        this.#rest = this.#rest.subarray(end + 2);
        return text.toString("utf8", 0, end);
      }
      const next = await this.#chunks.next();
      if (next.done === true || text.length > 65_536)
        throw new BackupError("tool-failed", "the AOF could not be opened");
      this.#rest = Buffer.concat([text, next.value]);
    }
  }

  async *exactly(length: number): Bytes {
    let remaining = length;
    while (remaining > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true)
          throw new BackupError("incomplete", "the AOF is shorter than it was when it was opened");
        this.#rest = next.value;
      }
      const piece = this.#rest.subarray(0, remaining);
      this.#rest = this.#rest.subarray(piece.length);
      remaining -= piece.length;
      yield piece;
    }
  }

  /** Nothing more may follow, and the tool must have succeeded. */
  async end(): Promise<void> {
    if (this.#rest.length > 0 || (await this.#chunks.next()).done !== true) {
      throw new BackupError("incomplete", "the AOF is longer than it was when it was opened");
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
