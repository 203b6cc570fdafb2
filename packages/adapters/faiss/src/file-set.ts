import { createHash } from "node:crypto";
import { BackupError, type Bytes, type Fact, type Fingerprint } from "@sutazai/backup-core";
import { MultisetDigest, RowHash, type TarEntry } from "@sutazai/backup-formats";
import { ElementCount } from "./companion.ts";
import { IndexFile, type IndexFacts } from "./index-file/index-file.ts";
import type { SetRules } from "./options.ts";

/** Above so many files each is not named any more: the digest of all of them still tells of every change. */
const namedFiles = 1_000;
/** Every index has several facts of its own: a manifest with more of them could not be published. */
const mostIndexes = 100_000;

export interface SetContent {
  readonly fingerprint: Fingerprint;
  /** Why the set is not good, whoever reads it: torn files, ids that do not fit. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly isEmpty: boolean;
  /** Index files of known types, by path, with what a library must find in them. */
  readonly indexes: ReadonlyMap<string, IndexFacts>;
}

/** Takes account of a set of files as they pass, entry by entry. Times are not part of it: they change where the content does not. */
export class FileSet {
  readonly #rules: SetRules;
  readonly #all = new MultisetDigest();
  readonly #row = new RowHash();
  readonly #files = new Map<string, string>();
  readonly #indexes = new Map<string, IndexFacts>();
  readonly #ids = new Map<string, number | undefined>();
  #fileCount = 0;

  constructor(rules: SetRules) {
    this.#rules = rules;
  }

  /** The entry's content, passed on. The entry counts once it has been read to its end. */
  pass(entry: TarEntry): Bytes {
    if (entry.type === "file") return this.#passFile(entry);
    this.#count(entry, entry.linkName ?? "");
    return entry.content;
  }

  end(): SetContent {
    const facts: Record<string, Fact> = {
      files: { exact: this.#fileCount },
      entries: { exact: this.#all.toString() },
    };
    for (const [name, digest] of this.#files) {
      const index = this.#indexes.get(name);
      if (index !== undefined) Object.assign(facts, factsOfIndex(name, index, digest));
      else if (this.#fileCount <= namedFiles) facts[`file:${name}`] = { exact: digest };
    }
    return {
      fingerprint: facts,
      problems: [...this.#torn(), ...this.#misfits()],
      warnings: this.#oddities(),
      isEmpty: this.#fileCount === 0,
      indexes: new Map([...this.#indexes].filter(([, { type }]) => type !== undefined)),
    };
  }

  async *#passFile(entry: TarEntry): Bytes {
    const { name } = entry;
    const hash = createHash("sha256");
    const index = new IndexFile();
    const ids = this.#rules.ids !== "" && name.endsWith(this.#rules.ids) ? new ElementCount() : undefined;
    for await (const chunk of entry.content) {
      hash.update(chunk);
      index.write(chunk);
      ids?.write(chunk);
      yield chunk;
    }
    const digest = hash.digest("hex");
    const facts = index.end(this.#rules.isIndex(baseName(name)));
    this.#fileCount += 1;
    if (facts !== undefined) this.#indexes.set(name, facts);
    if (this.#indexes.size > mostIndexes) throw tooMany();
    if (ids !== undefined) this.#ids.set(name, ids.end());
    if (facts !== undefined || this.#files.size <= namedFiles) this.#files.set(name, digest);
    this.#count(entry, digest);
  }

  #count({ name, type, mode, uid, gid }: TarEntry, content: string): void {
    // The directory itself is there whatever is in it.
    if (name === ".") return;
    this.#row.reset();
    this.#row.update(Buffer.from(JSON.stringify([name, type, type === "symlink" ? 0 : mode, uid, gid, content])));
    this.#all.add(this.#row);
  }

  *#torn(): Iterable<string> {
    for (const [name, { state, header }] of this.#indexes) {
      if (state !== "torn") continue;
      const claim =
        header === undefined ? "it is shorter than any index" : `it says that it has ${header.vectors} vectors`;
      yield `the index ${JSON.stringify(name)} is torn: ${claim}, and ends before`;
    }
  }

  *#misfits(): Iterable<string> {
    for (const [name, { header, state }] of this.#indexes) {
      if (header === undefined || state === "torn") continue;
      const companion = `${name.replace(/\.[^./]*$/, "")}${this.#rules.ids}`;
      if (!this.#ids.has(companion)) continue;
      const count = this.#ids.get(companion);
      if (count === header.vectors) continue;
      yield count === undefined
        ? `${JSON.stringify(companion)} is cut off, or no JSON`
        : `${JSON.stringify(companion)} has ${count} ids, and ${JSON.stringify(name)} ${header.vectors} vectors`;
    }
  }

  #oddities(): string[] {
    return [...this.#indexes].flatMap(([name, { type, code, state }]) => {
      if (state === "trailing") return [`something stands behind the end of the index ${JSON.stringify(name)}`];
      if (type !== undefined || state === "torn") return [];
      return [
        `${JSON.stringify(name)} is of a type that is not known here (${JSON.stringify(code)}): kept, with its digest`,
      ];
    });
  }
}

function tooMany(): BackupError {
  return new BackupError("unsupported", `the set has more than ${mostIndexes} indexes`, {
    operation: "faiss.read-set",
    hint: "back them up as several sets: `exclude` leaves some to another one",
  });
}

function factsOfIndex(name: string, { type, code, header, state }: IndexFacts, digest: string): Record<string, Fact> {
  const facts: Record<string, string | number> = {
    digest,
    type: type === undefined ? "unknown" : `${type} (${code})`,
    state,
    ...(header !== undefined && {
      dimension: header.dimension,
      vectors: header.vectors,
      metric: metrics[header.metric] ?? `metric ${header.metric}`,
    }),
  };
  return Object.fromEntries(Object.entries(facts).map(([what, exact]) => [`index:${name}/${what}`, { exact }]));
}

// faiss/MetricType.h
const metrics: Readonly<Record<number, string>> = {
  0: "inner product",
  1: "L2",
  2: "L1",
  3: "Linf",
  4: "Lp",
  20: "Canberra",
  21: "Bray-Curtis",
  22: "Jensen-Shannon",
  23: "Jaccard",
};

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
