import { BackupError, type Bytes, type DatabaseAdapter } from "@sutazai/backup-core";
import { describe, expect, it } from "vitest";
import { verifyStructure } from "../src/index.ts";
import { formOf, HeldBackup, lineAdapter, linesOf } from "./line-format.ts";

const never = new AbortController().signal;
const exact = (value: number | string) => ({ exact: value });

function sample(): HeldBackup {
  return new HeldBackup({ "a.txt": linesOf(100), "b.txt": linesOf(0), "notes.bin": "\0\xff no lines at all" }, [
    formOf("dump", ["a.txt", "b.txt"], {
      "lines:a.txt": exact(100),
      "lines:b.txt": exact(0),
      roles: exact(3),
      size: { bounds: [1, 2] },
    }),
  ]);
}

describe("verifyStructure", () => {
  it("reads every artifact to its end, settles what they say, and names what they do not", async () => {
    const backup = sample();
    const result = await verifyStructure(backup, lineAdapter, never);
    expect(result).toEqual({
      level: "structure",
      ok: true,
      problems: [],
      evidence: {
        files: 3,
        bytes: [...backup.contents.values()].reduce((sum, { length }) => sum + length, 0),
        factsSettled: 2,
        notSettled: { dump: ["roles"] },
      },
      startedAt: expect.any(String),
      endedAt: expect.any(String),
    });
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(backup.reads.sort()).toEqual(["a.txt", "b.txt", "notes.bin"]);
  });

  it("finds a wrong count", async () => {
    const backup = new HeldBackup({ "a.txt": linesOf(99) }, [formOf("dump", ["a.txt"], { "lines:a.txt": exact(100) })]);
    const { ok, problems, evidence } = await verifyStructure(backup, lineAdapter, never);
    expect(ok).toBe(false);
    expect(problems).toEqual(["a.txt: lines:a.txt: different, expected 100, found 99"]);
    expect(evidence).toMatchObject({ factsSettled: 0, notSettled: {} });
  });

  it("finds a fact that was never recorded, and one out of its bounds", async () => {
    const backup = new HeldBackup(
      { "a.txt": linesOf(5), "b.txt": linesOf(5), "c.txt": linesOf(5), "d.txt": linesOf(5) },
      [
        formOf("dump", ["a.txt", "b.txt", "c.txt", "d.txt"], {
          "lines:b.txt": { bounds: [6, 9] },
          "lines:c.txt": { bounds: [4, 5] },
          "lines:d.txt": { absent: "nobody counted" },
        }),
      ],
    );
    const { problems, evidence } = await verifyStructure(backup, lineAdapter, never);
    expect(problems).toEqual([
      expect.stringMatching(/^a\.txt: .*unexpected/),
      expect.stringMatching(/^b\.txt: .*outside-bounds/),
    ]);
    expect(evidence.factsSettled).toBe(1);
  });

  it("takes a fact of an artifact of two forms that one of them records", async () => {
    const forms = [
      formOf("rdb", ["a.txt"], { "lines:a.txt": exact(5) }),
      formOf("aof", ["a.txt", "b.txt"], { "lines:b.txt": exact(1) }),
    ];
    const good = new HeldBackup({ "a.txt": linesOf(5), "b.txt": linesOf(1) }, forms);
    expect((await verifyStructure(good, lineAdapter, never)).problems).toEqual([]);
    expect(good.reads.sort()).toEqual(["a.txt", "b.txt"]);
    const bad = new HeldBackup({ "a.txt": linesOf(6), "b.txt": linesOf(1) }, forms);
    expect((await verifyStructure(bad, lineAdapter, never)).problems).toHaveLength(1);
  });

  it("finds every flipped byte and every truncation, in artifacts of a form and of none", async () => {
    const forms = [formOf("dump", ["a.txt"], { "lines:a.txt": exact(20) })];
    const contents = { "a.txt": linesOf(20), "other.bin": "anything" };
    for (const name of ["a.txt", "other.bin"]) {
      const length = new HeldBackup(contents, forms).contents.get(name)?.length ?? 0;
      expect(length).toBeGreaterThan(0);
      for (let at = 0; at < length; at += 1) {
        const flipped = new HeldBackup(contents, forms);
        const byte = flipped.contents.get(name)?.readUInt8(at) ?? 0;
        flipped.contents.get(name)?.writeUInt8(byte ^ 0x81, at);
        expect((await verifyStructure(flipped, lineAdapter, never)).problems).toEqual([
          expect.stringContaining(`${name}: `),
        ]);
      }
      for (let end = 0; end < length; end += 9) {
        const cut = new HeldBackup(contents, forms);
        cut.contents.set(name, cut.contents.get(name)?.subarray(0, end) ?? Buffer.alloc(0));
        expect((await verifyStructure(cut, lineAdapter, never)).ok).toBe(false);
      }
    }
  });

  it("does not call good what holds nothing: no form, a form without artifacts, an artifact that is not there", async () => {
    expect((await verifyStructure(new HeldBackup({}, []), lineAdapter, never)).problems).toEqual([
      "the backup holds its database in no form",
    ]);
    expect((await verifyStructure(new HeldBackup({}, [formOf("dump", [], {})]), lineAdapter, never)).problems).toEqual([
      'the form "dump" has no artifacts',
    ]);
    const lacking = new HeldBackup({}, [formOf("dump", ["a.txt"], {})]);
    expect((await verifyStructure(lacking, lineAdapter, never)).problems).toEqual([
      'the form "dump" lacks its artifact a.txt',
    ]);
  });

  it("trusts no adapter that stops before the end", async () => {
    const lazy: typeof lineAdapter = {
      inspectArtifact: async (_, content) => {
        for await (const __ of content) break;
        return { facts: {} };
      },
    };
    const { problems } = await verifyStructure(sample(), lazy, never);
    expect(problems).toEqual([
      "a.txt: was not read to its end by its adapter",
      "b.txt: was not read to its end by its adapter",
    ]);
  });

  it("reads two at a time, no more", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `${index}.txt`);
    const backup = new HeldBackup(Object.fromEntries(names.map((name) => [name, linesOf(50)])), [
      formOf("dump", names, Object.fromEntries(names.map((name) => [`lines:${name}`, exact(50)]))),
    ]);
    const { evidence } = await verifyStructure(backup, lineAdapter, never);
    expect(backup.open).toEqual({ now: 0, most: 2 });
    expect(evidence.factsSettled).toBe(12);
  });

  it.each([
    ["unsupported", new BackupError("unsupported", "a format of the future")],
    ["unknown", new TypeError("a fault of the parser")],
    ["permission", Object.assign(new Error("EACCES"), { code: "EACCES" })],
  ])("throws what is no finding (%s), once nothing is read any more", async (reason, thrown) => {
    const backup = new HeldBackup({ "a.txt": linesOf(1000), "b.txt": linesOf(1) }, [
      formOf("dump", ["a.txt", "b.txt"], {}),
    ]);
    const failing: Pick<DatabaseAdapter, "inspectArtifact"> = {
      inspectArtifact: (name, content, facts) =>
        name === "b.txt" ? Promise.reject(thrown) : lineAdapter.inspectArtifact(name, content, facts),
    };
    await expect(verifyStructure(backup, failing, never)).rejects.toMatchObject({ reason });
    expect(backup.open.now).toBe(0);
  });

  it("is cancelled by its signal, also in the last artifact and by an adapter that ends quietly", async () => {
    const quiet: typeof lineAdapter = {
      inspectArtifact: async (_, content) => {
        try {
          for await (const __ of content);
        } catch {
          // As a careless adapter would.
        }
        return { facts: {} };
      },
    };
    for (const adapter of [lineAdapter, quiet]) {
      const backup = new HeldBackup({ "a.txt": linesOf(5000) }, [formOf("dump", ["a.txt"], {})]);
      const controller = new AbortController();
      const { artifacts, forms, details } = backup;
      const read = async function* (name: string): Bytes {
        for await (const chunk of backup.read(name)) {
          yield chunk;
          controller.abort();
        }
      };
      const verifying = verifyStructure({ artifacts, forms, details, read }, adapter, controller.signal);
      await expect(verifying).rejects.toMatchObject({ reason: "cancelled" });
      expect(backup.open.now).toBe(0);
    }
    const late = AbortSignal.abort(new BackupError("timeout", "took longer than allowed"));
    await expect(verifyStructure(sample(), lineAdapter, late)).rejects.toMatchObject({ reason: "timeout" });
  });
});
