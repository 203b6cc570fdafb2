import { execFile } from "node:child_process";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A small disk in memory, which can be filled. Needs the rights to mount one. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async at(path: string, size: string): Promise<SmallDisk> {
    await mkdir(path, { recursive: true });
    await run("mount", ["-t", "tmpfs", "-o", `mode=0700,size=${size}`, "tmpfs", path]);
    return new SmallDisk(path);
  }

  /** Not a byte is free from now on. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    await writeFile(this.#filler, Buffer.alloc(bavail * bsize));
  }

  async clear(): Promise<void> {
    await rm(this.#filler, { force: true });
  }

  get #filler(): string {
    return join(this.path, "filler");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", ["--lazy", this.path]);
  }
}
