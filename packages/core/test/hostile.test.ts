import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  isBackupError,
  Journal,
  jsonSchema,
  listOf,
  parseManifest,
  recordOf,
  silentLogger,
  type BackupError,
  type RecoveryContext,
} from "../src/index.ts";
import { z } from "zod";
import { manifest } from "./sample-manifest.ts";

const text = JSON.stringify(manifest);
const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

function failureOf(read: () => unknown): BackupError {
  try {
    read();
  } catch (error) {
    if (isBackupError(error)) return error;
    throw error;
  }
  throw new Error("it was taken");
}

/** A whole JSON value in which one thing, anywhere, became another. */
function changedSomewhere(value: unknown, pick: number, into: unknown): unknown {
  let left = pick;
  const walk = (item: unknown): unknown => {
    if (left-- === 0) return into;
    if (Array.isArray(item)) return item.map(walk);
    if (typeof item !== "object" || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, member]) => [key, walk(member)]));
  };
  return walk(value);
}

describe("a manifest", () => {
  test("with any of its values changed into any other is itself, or refused", () => {
    const lies = fc.oneof(
      fc.json().map((json) => JSON.parse(json) as unknown),
      fc.constantFrom(null, -1, 2 ** 31, 2 ** 53, 2 ** 60, 1e308, 0.5, "", "../..", "/etc/passwd", "__proto__", [], {}),
    );
    fc.assert(
      fc.property(fc.nat(120), lies, (pick, into) => {
        const changed = JSON.stringify(changedSomewhere(manifest, pick, into));
        try {
          // What is taken is taken as it is: nothing is dropped or mended on the way.
          expect(JSON.stringify(parseManifest(changed, "here"))).toBe(changed);
        } catch (error) {
          if (!isBackupError(error)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("with flipped, lost, doubled or strange bytes is itself, or refused", () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(bytes.length), fc.uint8Array({ maxLength: 4 }), (from, to, between) => {
        // Where `to` comes before `from`, a piece is there twice.
        const changed = Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)]).toString("utf8");
        try {
          expect(parseManifest(changed, "here").format).toBe("sutazai-backup");
        } catch (error) {
          if (!isBackupError(error)) throw error;
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["details", `"details":${nested(100_000)}`],
    ["an environment", `"container":${'{"a":'.repeat(100_000)}0${"}".repeat(100_000)}`],
    ["the manifest itself", `"parents":${nested(1_000_000)}`],
  ])("nested without an end in %s is refused, not a stack overflow", (_, part) => {
    const key = part.slice(0, part.indexOf(":"));
    const hostile = `{${Object.entries(manifest)
      .map(([name, value]) => (`"${name}"` === key ? part : `"${name}":${JSON.stringify(value)}`))
      .join(",")}}`;
    expect(failureOf(() => parseManifest(hostile, "here"))).toMatchObject({ reason: "corrupt" });
  });

  test("with wrong values without number makes one complaint of each kind, which is short", () => {
    const many = 100_000;
    const zeros = Array.from({ length: many }, () => 0);
    const members = Object.fromEntries(zeros.map((zero, index) => [`f${index}`, zero]));
    const hostile = [
      { ...manifest, warnings: zeros },
      { ...manifest, artifacts: zeros },
      { ...manifest, forms: zeros },
      { ...manifest, forms: [{ ...manifest.forms[0], fingerprint: members }] },
      { ...manifest, container: { environment: members, mounts: zeros } },
      { ...manifest, ...members },
      { ...manifest, version: 2, madeBy: "x".repeat(many) },
    ].map((value) => JSON.stringify(value));
    for (const each of hostile) {
      const { message, hint } = failureOf(() => parseManifest(each, "here"));
      expect(message.match(/✖/g)?.length ?? 0).toBeLessThan(40);
      expect(message.length).toBeLessThan(4_000);
      expect(hint?.length ?? 0).toBeLessThan(1_000);
    }
  });
});

describe("the schemas for what comes from outside", () => {
  test("take what zod's own take, as it is", () => {
    expect(listOf(z.string()).parse(["a", "b"])).toEqual(["a", "b"]);
    expect(recordOf(z.number()).parse({ a: 1 })).toEqual({ a: 1 });
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        expect(jsonSchema.parse(value)).toBe(value);
      }),
    );
  });

  test("say where the first wrong value is", () => {
    const issueOf = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues;
    expect(issueOf(listOf(z.strictObject({ a: z.string() })), [{ a: "x" }, { a: 1 }, 7])).toMatchObject([
      { path: [1, "a"] },
    ]);
    expect(issueOf(recordOf(z.string()), { a: "x", b: 1 })).toMatchObject([{ path: ["b"] }]);
    expect(issueOf(recordOf(z.string()), [])).toHaveLength(1);
    expect(issueOf(listOf(z.string()), {})).toHaveLength(1);
  });

  test("know 64 levels of JSON and no more, and no number that JSON has not", () => {
    expect(jsonSchema.safeParse(JSON.parse(nested(64))).success).toBe(true);
    expect(jsonSchema.safeParse(JSON.parse(nested(65))).success).toBe(false);
    expect(jsonSchema.safeParse(JSON.parse("[1e999]")).success).toBe(false);
    expect(jsonSchema.safeParse(undefined).success).toBe(false);
    expect(jsonSchema.safeParse([1n]).success).toBe(false);
  });
});

describe("a journal", () => {
  let directory: string;
  const context: RecoveryContext = { logger: silentLogger, containers: undefined as never, scratch: "/nonexistent" };
  const nobody = () => ({ recover: async () => undefined });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "journal-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function sample(): Promise<{ readonly path: string; readonly text: string }> {
    const operation = await new Journal(directory).begin({ command: "restore", database: "db" }, nobody, context);
    await operation.record({ part: "db", action: "stopped", data: { container: "abc" } });
    const path = join(directory, `${operation.id}.json`);
    return { path, text: await readFile(path, "utf8") };
  }

  test("with any damage is read as it is, or refused", async () => {
    const { path, text: whole } = await sample();
    const bytes = Buffer.from(whole);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length),
        fc.nat(bytes.length),
        fc.uint8Array({ maxLength: 3 }),
        async (from, to, between) => {
          await writeFile(path, Buffer.concat([bytes.subarray(0, from), between, bytes.subarray(to)]));
          try {
            for (const { id, records } of await new Journal(directory).list()) {
              expect(join(directory, `${id}.json`)).toBe(path);
              expect(records).toBeInstanceOf(Array);
            }
          } catch (error) {
            if (!isBackupError(error)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test.each([
    ["nested without an end", (whole: string) => whole.replace('"abc"', nested(100_000))],
    ["with records that are none", (whole: string) => whole.replace(/"records": \[/, `$&${"0,".repeat(100_000)}`)],
    ["of a later version", (whole: string) => whole.replace('"version": 1', '"version": 2')],
  ])("%s is refused", async (_, change) => {
    const { path, text: whole } = await sample();
    expect(change(whole)).not.toBe(whole);
    await writeFile(path, change(whole));
    await expect(new Journal(directory).list()).rejects.toMatchObject({ reason: "corrupt" });
  });

  test("whose id leads elsewhere is refused: nothing outside of the directory is rewritten or removed", async () => {
    const inside = join(directory, "inside");
    await mkdir(inside);
    const { path, text: whole } = await sample();
    const { id } = JSON.parse(whole) as { id: string };
    await writeFile(join(directory, "victim.json"), "precious");
    await writeFile(join(inside, `${id}.json`), whole.replaceAll(id, "../victim"));
    const journal = new Journal(inside);
    await expect(journal.list()).rejects.toMatchObject({ reason: "corrupt" });
    const found = { ...(await foundIn(path)), id: "../victim" };
    await expect(journal.settle(found, nobody, context)).rejects.toMatchObject({ reason: "corrupt" });
    expect(await readFile(join(directory, "victim.json"), "utf8")).toBe("precious");
    expect(await readdir(inside)).toEqual([`${id}.json`]);
  });

  test("that is a directory is a BackupError", async () => {
    await mkdir(join(directory, "x.json"));
    expect(isBackupError(await new Journal(directory).list().catch((error: unknown) => error))).toBe(true);
  });

  async function foundIn(path: string) {
    const elsewhere = await mkdtemp(join(tmpdir(), "journal-"));
    try {
      await writeFile(join(elsewhere, path.slice(directory.length + 1)), await readFile(path));
      const [found] = await new Journal(elsewhere).list();
      if (found === undefined) throw new Error("there is nothing in it");
      return found;
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  }
});
