import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  BackupError,
  codeOf,
  currentProcess,
  describeProcess,
  livenessOf,
  newId,
  processIdentitySchema,
  toBackupError,
  type LockHolder,
  type ProcessIdentity,
} from "@sutazai/backup-core";
import { z } from "zod";
import { readSmallFile, storing, writeNewFile } from "./files.ts";

export type LockMode = "shared" | "exclusive";

/** How long a conflict may last before it counts: others may only be trying, and step back. */
const settlingMs = 250;
const longestPauseMs = 250;

interface LockFile {
  readonly since: string;
  readonly owner: ProcessIdentity;
}

const lockFileSchema: z.ZodType<LockFile> = z.strictObject({ since: z.string(), owner: processIdentitySchema });

/** A lock of this process. Disposing gives it back. */
export interface HeldLock {
  readonly mode: LockMode;
  /** Whether it is still there: anybody may break it with `unlock`. */
  isHeld(): Promise<boolean>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Locks of this process that were given back, but whose files could not be removed: whoever finds one here clears it away. */
const givenBack = new Set<string>();

interface FoundLock extends LockHolder {
  readonly file: string;
}

export interface LockWait {
  /** Milliseconds to wait for others to finish; `Infinity` waits until the signal ends it. */
  readonly patience: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Locks as files of one directory, one per holder, of a name that is never used again. To take one, a process writes its own
 * file and only then looks at the others: of two that exclude each other, the later one to write is certain to see the
 * earlier. Whoever sees a conflict takes its file away and tries again for a moment, since the other may be doing the same.
 * Needs a file system where a listing shows what was created before it (NFS: mount with `lookupcache=none`).
 */
export class LockDirectory {
  readonly #path: string;
  readonly #what: string;
  readonly #now: () => Date;

  /** `what`: for messages, `the store /backups`. */
  constructor(path: string, what: string, now: () => Date) {
    this.#path = path;
    this.#what = what;
    this.#now = now;
  }

  /** Throws `locked` when patience has ended, `cancelled` (or the signal's own error) on an abort. The directory must be there. */
  acquire(mode: LockMode, wait: LockWait): Promise<HeldLock> {
    return storing("lock", this.#path, () => this.#acquire(mode, wait));
  }

  async #acquire(mode: LockMode, { patience, signal }: LockWait): Promise<HeldLock> {
    const deadline = performance.now() + Math.max(patience, settlingMs);
    for (let pause = 5; ; pause = Math.min(pause * 2, longestPauseMs)) {
      assertNotAborted(signal);
      const file = `${mode}-${newId(this.#now())}.json`;
      // A look beforehand, so that one who waits does not get in the way of others.
      const rival = (await this.#rival(file, mode)) ?? (await this.#claim(file, mode));
      if (rival === undefined) return this.#held(file, mode);
      if (performance.now() > deadline) throw this.#lockedBy(rival);
      await setTimeout(pause * (0.5 + Math.random()), undefined, signal && { signal }).catch(() => undefined);
    }
  }

  /** Everybody's, dead or alive. */
  async holders(): Promise<LockHolder[]> {
    return (await this.#list()).map(({ file: _, ...holder }) => holder);
  }

  async breakAll(): Promise<LockHolder[]> {
    const found = await this.#list();
    for (const { file } of found) await this.#remove(file);
    return found.map(({ file: _, ...holder }) => holder);
  }

  /** Puts our file there and looks for others; takes it away again where there are any. */
  async #claim(file: string, mode: LockMode): Promise<FoundLock | undefined> {
    let rival: FoundLock | undefined;
    let claimed = false;
    try {
      await this.#write(file);
      rival = await this.#rival(file, mode);
      claimed = rival === undefined;
    } finally {
      if (!claimed) await this.#remove(file);
    }
    return rival;
  }

  #held(file: string, mode: LockMode): HeldLock {
    return {
      mode,
      isHeld: () =>
        stat(join(this.#path, file)).then(
          () => true,
          (error: unknown) => {
            if (codeOf(error) === "ENOENT") return false;
            throw error;
          },
        ),
      [Symbol.asyncDispose]: async () => {
        const path = join(this.#path, file);
        givenBack.add(path);
        await this.#remove(file);
        givenBack.delete(path);
      },
    };
  }

  /** It must never be seen half-written: what cannot be read is taken for a foreign holder's. */
  async #write(file: string): Promise<void> {
    const content: LockFile = { since: this.#now().toISOString(), owner: await currentProcess() };
    const staged = join(this.#path, `${file}.tmp`);
    try {
      await writeNewFile(staged, `${JSON.stringify(content)}\n`);
      await rename(staged, join(this.#path, file));
    } catch (error) {
      await rm(staged, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Somebody else who excludes us. What a dead process left is cleared away on the way. */
  async #rival(own: string, mode: LockMode): Promise<FoundLock | undefined> {
    for (const found of await this.#list()) {
      if (found.file === own || (found.mode === "shared" && mode === "shared")) continue;
      if (found.liveness !== "dead") return found;
      await this.#remove(found.file);
    }
    return undefined;
  }

  async #list(): Promise<FoundLock[]> {
    const names = await readdir(this.#path).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return [];
      throw error;
    });
    const found = await Promise.all(
      names
        .filter((name) => /^(?:shared|exclusive)-.*\.json$/.test(name))
        .sort()
        .map((file) => this.#read(file)),
    );
    return found.filter((lock) => lock !== undefined);
  }

  async #read(file: string): Promise<FoundLock | undefined> {
    const mode = file.startsWith("shared") ? "shared" : "exclusive";
    const path = join(this.#path, file);
    try {
      const { since, owner } = lockFileSchema.parse(JSON.parse((await readSmallFile(path, 65_536)).toString("utf8")));
      return {
        file,
        mode,
        since,
        holder: describeProcess(owner),
        liveness: givenBack.has(path) ? "dead" : await livenessOf(owner),
      };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      const since: Date | undefined = await stat(path).then(
        ({ mtime }) => mtime,
        () => undefined,
      );
      if (since === undefined) return undefined;
      return { file, mode, since: since.toISOString(), holder: `somebody unknown (${path})`, liveness: "foreign" };
    }
  }

  #remove(file: string): Promise<void> {
    return rm(join(this.#path, file), { force: true });
  }

  #lockedBy({ holder, since, liveness, mode }: FoundLock): BackupError {
    const wait = "wait until it has ended (`--wait` does)";
    const hint =
      liveness === "foreign"
        ? `${wait}. It runs on another host, or in a container with another state directory, so nobody can tell from here whether it still lives: ` +
          "look there, and only once it is known to have ended run `sutazai-backup unlock`"
        : wait;
    return new BackupError("locked", `${this.#what} is locked by ${holder} since ${since}`, {
      operation: "lock",
      hint,
      details: { holder, since, mode, liveness },
    });
  }
}

function assertNotAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw toBackupError(signal.reason, { operation: "lock" });
}
