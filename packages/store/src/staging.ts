import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  codeOf,
  currentProcess,
  describeProcess,
  livenessOf,
  processIdentitySchema,
  syncDirectory,
  type ProcessIdentity,
} from "@sutazai/backup-core";
import { z } from "zod";
import { exists, makeDirectory, readSmallFile, writeNewFile } from "./files.ts";
import { tombstoneSchema, type Tombstone } from "./store-log.ts";

/** What `<name>.json` beside a staging directory tells. */
interface Owner {
  readonly owner: ProcessIdentity;
  /** Given where the directory holds a backup that was taken out of the store: what the log is to say of it. */
  readonly deletes?: Tombstone | undefined;
}

const ownerSchema: z.ZodType<Owner> = z.strictObject({
  owner: processIdentitySchema,
  deletes: tombstoneSchema.optional(),
});

const abandonedAfterMs = 3_600_000;

/** A place of this process for what is not, or no longer, part of the store. Disposing removes it with all it holds. */
export interface StagingPlace {
  /** A directory to be renamed into the store; or, with `deletes`, where one is renamed to. */
  readonly content: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A directory of such places: the store's `.staging`, on its file system, so that one rename publishes. The owner's file is on disk before its directory is
 * made and goes after it; so a directory without one belongs to nobody.
 */
export class Staging {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async make(name: string, deletes?: Tombstone): Promise<StagingPlace> {
    const owner: Owner = { owner: await currentProcess(), ...(deletes !== undefined && { deletes }) };
    const place = {
      content: this.#content(name),
      [Symbol.asyncDispose]: () => this.#remove(name),
    };
    try {
      await writeNewFile(this.#ownerFile(name), `${JSON.stringify(owner)}\n`);
      await syncDirectory(this.#path);
      await makeDirectory(join(this.#path, name));
      if (deletes === undefined) await makeDirectory(place.content);
      return place;
    } catch (error) {
      await this.#remove(name).catch(() => undefined);
      throw error;
    }
  }

  /** Backups that were taken out of the store but may not be in its log: their remover died between the two. */
  async takenOut(): Promise<Tombstone[]> {
    const found: Tombstone[] = [];
    for (const name of await this.#names()) {
      const owner = await this.#owner(name);
      if (owner === "unreadable" || owner?.deletes === undefined) continue;
      if (await exists(this.#content(name))) found.push(owner.deletes);
    }
    return found;
  }

  /** Removes what belongs to dead processes of this host, or to nobody; returns what it was, for people. */
  async removeOrphans(): Promise<string[]> {
    const found = await this.orphans();
    for (const { name } of found) await this.#remove(name);
    return found.map(({ name, whose }) => `${join(this.#path, name)} (left by ${whose})`);
  }

  /** What {@link removeOrphans} would remove. */
  async orphans(): Promise<{ readonly name: string; readonly whose: string }[]> {
    const found = [];
    for (const name of await this.#names()) {
      const owner = await this.#owner(name);
      if (owner === "unreadable") {
        if (await this.#isAbandoned(name)) found.push({ name, whose: "one who died at its beginning" });
      } else if (owner === undefined) {
        // Or gone since it was listed.
        if (await exists(join(this.#path, name))) found.push({ name, whose: "nobody" });
      } else if ((await livenessOf(owner.owner)) === "dead") {
        found.push({ name, whose: describeProcess(owner.owner) });
      }
    }
    return found;
  }

  async #names(): Promise<string[]> {
    const entries = await readdir(this.#path).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    });
    return [...new Set(entries.map((entry) => entry.replace(/\.json$/, "")))].sort();
  }

  /** Undefined where nobody claims it. What cannot be read (its writer is just writing it, say) may be anybody's. */
  async #owner(name: string): Promise<Owner | "unreadable" | undefined> {
    try {
      return ownerSchema.parse(JSON.parse((await readSmallFile(this.#ownerFile(name), 65_536)).toString("utf8")));
    } catch (error) {
      return codeOf(error) === "ENOENT" ? undefined : "unreadable";
    }
  }

  /** Whoever claims a place writes the claim at once, and makes the directory right after it: half a claim that is old is of one who died. */
  async #isAbandoned(name: string): Promise<boolean> {
    if (await exists(join(this.#path, name))) return false;
    const { mtimeMs } = await stat(this.#ownerFile(name));
    return Date.now() - mtimeMs > abandonedAfterMs;
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.#path, name), { recursive: true, force: true, maxRetries: 3 });
    await rm(this.#ownerFile(name), { force: true });
  }

  #ownerFile(name: string): string {
    return join(this.#path, `${name}.json`);
  }

  #content(name: string): string {
    return join(this.#path, name, "content");
  }
}
