import { zstdDecompressSync } from "node:zlib";
import { compareFingerprints, isBackupError, type ArtifactSource } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { inChunks, type MemoryBackup } from "../memory-backup.ts";
import { Random } from "../random.ts";
import type { Workbench } from "./workbench.ts";

const flipsPerArtifact = 12;

export function damage(use: () => Workbench): void {
  test("an artifact cut off anywhere is refused", async () => {
    const bench = use();
    const backup = await bench.sample();
    const accepted: string[] = [];
    for (const [name, content] of backup.artifacts) {
      for (const length of new Set([0, 1, content.length >> 2, content.length >> 1, content.length - 1])) {
        if (length >= content.length) continue;
        const verdict = await judge(bench, backup, name, content.subarray(0, length));
        if (verdict === "as recorded") accepted.push(`${name} cut off at ${length} of ${content.length}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  test("a flipped bit is refused, or shows in the facts", async () => {
    const bench = use();
    const backup = await bench.sample();
    const random = new Random(Number(process.env["BACKUP_TEST_SEED"] ?? 1));
    const accepted: string[] = [];
    for (const [name, content] of backup.artifacts) {
      for (let flip = 0; flip < flipsPerArtifact && content.length > 0; flip += 1) {
        const offset = random.below(content.length);
        const flipped = Buffer.from(content);
        const bit = random.below(8);
        flipped.writeUInt8((flipped[offset] ?? 0) ^ (1 << bit), offset);
        const verdict = await judge(bench, backup, name, flipped);
        if (verdict === "as recorded" && !meansTheSame(content, flipped)) {
          const around = content.subarray(Math.max(0, offset - 60), offset + 60).toString("latin1");
          accepted.push(`${name} with bit ${bit} of byte ${offset} flipped, in ${JSON.stringify(around)}`);
        }
      }
    }
    expect(accepted).toEqual([]);
  });

  test("an artifact with something behind its end is refused, or shows in the facts", async () => {
    const bench = use();
    const backup = await bench.sample();
    const accepted: string[] = [];
    for (const [name, content] of backup.artifacts) {
      const longer = Buffer.concat([content, Buffer.from("\nDROP TABLE users;\n")]);
      if ((await judge(bench, backup, name, longer)) === "as recorded") accepted.push(name);
    }
    expect(accepted).toEqual([]);
  });

  test("a restore whose source turns out damaged is an error, and undone", async () => {
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    await bench.content.change(bench.server);
    const before = await bench.state();
    const [form] = backup.manifest.forms;
    const [method] = bench.adapter.capabilities.restoreMethods;
    const attempt = bench.restore(
      cutInHalf(backup),
      {
        form: form?.name ?? "",
        method: method?.name ?? "",
        only: undefined,
      },
      { withoutSafetyBackup: true },
    );
    await expect(attempt.catch((error: unknown) => isBackupError(error))).resolves.toBe(true);
    await bench.recover();
    expect(await bench.changesSince(before)).toEqual([]);
  });
}

/**
 * Some bits of a zstd frame mean nothing: one of its header is unused, and its tables are padded to whole bytes (RFC 8878, 3.1.1.1.1.4 and 4.1.1). An artifact that is
 * one, behind whatever it begins with, is the same content with them flipped.
 */
function meansTheSame(content: Buffer, flipped: Buffer): boolean {
  const start = content.subarray(0, 16).indexOf(zstdMagic);
  if (start === -1 || !content.subarray(0, start).equals(flipped.subarray(0, start))) return false;
  return zstdDecompressSync(content.subarray(start)).equals(zstdDecompressSync(flipped.subarray(start)));
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Every artifact ends in the middle, without a word: what a careless store would hand out. */
function cutInHalf(backup: MemoryBackup): ArtifactSource {
  return {
    manifest: backup.manifest,
    async *read(name) {
      const half = (backup.artifacts.get(name)?.length ?? 0) >> 1;
      let passed = 0;
      for await (const chunk of backup.read(name)) {
        yield chunk.subarray(0, Math.max(0, half - passed));
        passed += chunk.length;
        if (passed >= half) return;
      }
    },
  };
}

/** What an inspection makes of bytes under an artifact's name, beside what the manifest has recorded of it. */
async function judge(
  bench: Workbench,
  backup: MemoryBackup,
  name: string,
  content: Buffer,
): Promise<"refused" | "different" | "as recorded"> {
  const { manifest } = backup;
  const context = { details: manifest.details, signal: new AbortController().signal };
  let facts;
  try {
    ({ facts } = await bench.adapter.inspectArtifact(name, inChunks(content, 65_536), context));
  } catch (error) {
    if (isBackupError(error) && error.reason === "corrupt") return "refused";
    throw new Error(`${name} is damaged, and that was told as something else than \`corrupt\``, { cause: error });
  }
  const pristine = backup.artifacts.get(name) ?? Buffer.alloc(0);
  const original = await bench.adapter.inspectArtifact(name, inChunks(pristine, 65_536), context);
  return compareFingerprints(original.facts, facts).length > 0 ? "different" : "as recorded";
}
