import { BackupError, type Bytes, type Fact, type Fingerprint } from "@sutazai/backup-core";
import { fingerprintOf, valueKinds, type RdbContent } from "../rdb/content.ts";
import { RdbParser } from "../rdb/parser.ts";
import type { Keyspace } from "../server.ts";
import { CommandLogParser, type CommandLog } from "./commands.ts";
import { parseManifest, type AofFile } from "./manifest.ts";

/** What the files of an AOF hold, gathered while each passes by. */
export class AofContent {
  readonly files: readonly AofFile[];
  /** The state at the beginning, where it is an RDB. */
  base: RdbContent | undefined;
  /** Commands in all files. */
  commands = 0;
  /** Of the last file, as far as it can be used. */
  lastComplete: number | undefined;
  readonly #left: AofFile[];
  readonly #expiredBy: number;

  /** What expires by the given moment (milliseconds since 1970) does not count. */
  constructor(manifest: string, expiredBy: number = -Infinity) {
    this.#expiredBy = expiredBy;
    this.files = parseManifest(manifest).filter(({ role }) => role !== "history");
    this.#left = [...this.files];
  }

  /** Passes one file on; files come in the manifest's order. Throws `corrupt` where it is not whole, or not what it should be. */
  async *file(name: string, content: Bytes): Bytes {
    const file = this.#left.shift();
    if (file?.name !== name)
      throw corrupt(`holds ${JSON.stringify(name)} where its manifest lists ${file?.name ?? "nothing"}`);
    if (file.role === "base" && name.endsWith(".rdb")) yield* this.#rdb(content);
    else yield* this.#log(file, content);
  }

  /** Ends it: every file must have come. */
  end(): void {
    const missing = this.#left[0];
    if (missing !== undefined) throw corrupt(`lacks ${missing.name}, which its manifest lists`);
    if (this.files.length === 0) throw corrupt("lists no files");
  }

  /** Whether the state is all in the base: then it is known without a server. */
  get exact(): RdbContent | undefined {
    return this.commands === 0 ? this.base : undefined;
  }

  async *#rdb(content: Bytes): Bytes {
    const parser = new RdbParser({ expiredBy: this.#expiredBy });
    for await (const chunk of content) {
      parser.write(chunk);
      yield chunk;
    }
    this.base = parser.end();
  }

  async *#log(file: AofFile, content: Bytes): Bytes {
    const parser = new CommandLogParser();
    for await (const chunk of content) {
      parser.write(chunk);
      yield chunk;
    }
    this.#take(file, parser.end());
  }

  #take(file: AofFile, log: CommandLog): void {
    this.commands += log.commands;
    if (file === this.files.at(-1)) {
      this.lastComplete = log.complete;
    } else if (log.complete !== log.bytes) {
      throw corrupt(`ends within a command in ${file.name}, which is not the last file`);
    }
  }
}

/**
 * The facts of the form: exact where nothing was written after the rewrite. Otherwise only the server could tell them: numbers of
 * keys then lie between what it counted before and after, and the rest is not known.
 */
export function aofFingerprint(content: AofContent, before: Keyspace, after: Keyspace): Fingerprint {
  if (content.exact !== undefined) return fingerprintOf(content.exact);
  const why = { absent: "commands were written while the form was copied; only a server that loads it can tell" };
  const facts: Record<string, Fact> = { functions: why };
  const indexes = new Set([...before.keys(), ...after.keys(), ...(content.base?.databases.keys() ?? [])]);
  for (const index of indexes) {
    const counts = [before, after].map((keyspace) => keyspace.get(index)?.keys ?? 0);
    facts[`db:${index}/keys`] = Math.max(...counts) === 0 ? why : { bounds: [counts[0]!, counts[1]!] };
    for (const kind of valueKinds) facts[`db:${index}/type:${kind}`] = why;
    facts[`db:${index}/persistent`] = why;
    facts[`db:${index}/expiring`] = why;
  }
  return facts;
}

function corrupt(what: string): BackupError {
  return new BackupError("corrupt", `the AOF ${what}`, {
    operation: "redis.aof",
    hint: "this file cannot be trusted; use another backup",
  });
}
