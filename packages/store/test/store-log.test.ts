import { appendFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { LockDirectory } from "../src/lock-directory.ts";
import { storeLog } from "../src/store-log.ts";

const about = (backup: string, backupSequence = 1) => ({
  backup,
  database: "postgres",
  backupSequence,
  manifest: createHash("sha256").update(backup).digest("hex"),
});

let path: string;
let log: ReturnType<typeof storeLog>;
beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), "log-"));
  path = join(directory, "log.jsonl");
  await mkdir(join(directory, "locks"));
  log = storeLog(path, new LockDirectory(join(directory, "locks"), "the log", () => new Date()), () => new Date());
  return () => rm(directory, { recursive: true });
});

const add = (backup: string) => log.change((open) => open.append({ action: "publish", ...about(backup) }));

describe("the log", () => {
  it("chains its lines by the digest of the one before, as a person would check", async () => {
    expect(await log.read()).toEqual([]);
    await add("one");
    await add("two");
    await log.change((open) => open.append({ action: "delete", ...about("one") }));
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    const entries = await log.read();
    expect(entries.map(({ sequence, action, backup }) => [sequence, action, backup])).toEqual([
      [1, "publish", "one"],
      [2, "publish", "two"],
      [3, "delete", "one"],
    ]);
    expect(entries[0]?.previous).toBe("0".repeat(64));
    expect(entries[2]?.previous).toBe(
      createHash("sha256")
        .update(lines[1] ?? "")
        .digest("hex"),
    );
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("shows a flipped bit in any byte of any line, also the last", async () => {
    await add("one");
    await add("two");
    const good = await readFile(path);
    for (let at = 0; at < good.length; at += 1) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
      await writeFile(path, bad);
      await expect(log.read(), `byte ${at}`).rejects.toMatchObject({
        reason: "corrupt",
        details: { line: expect.any(Number) },
      });
    }
  });

  it("shows a line taken out, doubled or moved", async () => {
    await add("one");
    await add("two");
    await add("three");
    const [one, two, three] = (await readFile(path, "utf8")).split("\n");
    for (const [lines, line] of [
      [[one, three], 2],
      [[two, three], 1],
      [[one, one, two, three], 2],
      [[two, one, three], 1],
    ] as const) {
      await writeFile(path, `${lines.join("\n")}\n`);
      await expect(log.read()).rejects.toMatchObject({ reason: "corrupt", details: { line } });
    }
  });

  it("takes half a line for no entry, wherever it was torn, and cuts it off before the next", async () => {
    await add("one");
    const first = await readFile(path);
    await add("two");
    const both = await readFile(path);
    for (let end = first.length + 1; end < both.length - 1; end += 7) {
      await writeFile(path, both.subarray(0, end));
      expect(await log.read()).toHaveLength(1);
      await add("three");
      expect((await log.read()).map(({ backup }) => backup)).toEqual(["one", "three"]);
    }
    // What a power cut may leave of it.
    await writeFile(path, Buffer.concat([first, Buffer.alloc(100)]));
    expect(await log.read()).toHaveLength(1);
    await add("four");
    expect((await log.read()).map(({ backup }) => backup)).toEqual(["one", "four"]);
  });

  it("keeps a whole line that lacks only its newline", async () => {
    await add("one");
    await add("two");
    await writeFile(path, (await readFile(path, "utf8")).trimEnd());
    expect(await log.read()).toHaveLength(1);
    await add("three");
    expect((await log.read()).map(({ backup }) => backup)).toEqual(["one", "two", "three"]);
  });

  it("goes on after damage, so that no backup fails by it, and keeps telling of it", async () => {
    await add("one");
    await appendFile(path, "rubbish\n");
    await add("two");
    await expect(log.read()).rejects.toMatchObject({ reason: "corrupt", details: { line: 2 } });
    await log.change(async ({ entries }) => expect(entries.map(({ backup }) => backup)).toEqual(["one", "two"]));
  });

  it("writes nothing for a change that fails, and lets the next one in", async () => {
    await expect(log.change(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await Promise.all(["one", "two", "three"].map(add));
    expect(await log.read()).toHaveLength(3);
  });
});
