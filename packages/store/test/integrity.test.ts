import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest, Store } from "@sutazai/backup-core";
import { describe, expect, it } from "vitest";
import { filesBelow, never, openStore, publishSample, scratch } from "./support.ts";

const artifacts = {
  "globals.sql": "create role app;\n",
  "databases/app.sql": "select 1;\n".repeat(200),
  "databases/b.sql": "",
};

async function published(): Promise<{
  store: Store;
  manifest: Manifest;
  directory: string;
  problems: () => Promise<readonly string[]>;
}> {
  const store = await openStore();
  const manifest = await publishSample(store, { artifacts });
  return {
    store,
    manifest,
    directory: join(store.location, "postgres", manifest.id),
    problems: async () => (await store.checkIntegrity(manifest.id, never)).problems,
  };
}

describe("checkIntegrity", () => {
  it("finds nothing wrong with what was published, and counts it", async () => {
    const { store, manifest } = await published();
    expect(await store.checkIntegrity(manifest.id, never)).toEqual({
      files: 3,
      bytes: manifest.artifacts.reduce((sum, { stored }) => sum + stored.bytes, 0),
      problems: [],
    });
  });

  it("finds a flipped bit in every file of a backup, wherever it is", async () => {
    const { store, manifest, directory, problems } = await published();
    await store.annotate(manifest.id, "verification", { ok: true });
    const files = await filesBelow(directory);
    expect(files).toEqual([
      "annotations/000001.json",
      "databases/app.sql.gz",
      "databases/b.sql.gz",
      "globals.sql.gz",
      "manifest.json",
    ]);
    for (const file of files) {
      const path = join(directory, file);
      const good = await readFile(path);
      const step = Math.max(1, Math.floor(good.length / 60));
      for (let at = 0; at < good.length; at += step) {
        const bad = Buffer.from(good);
        bad.writeUInt8(bad.readUInt8(at) ^ (1 << (at % 8)), at);
        await writeFile(path, bad);
        expect(await problems(), `${file}, byte ${at}`).not.toEqual([]);
      }
      await writeFile(path, good);
      expect(await problems()).toEqual([]);
    }
  }, 60_000);

  it("finds what is missing, of another size, extra, or no file at all", async () => {
    const { directory, problems } = await published();
    const path = join(directory, "globals.sql.gz");
    const good = await readFile(path);
    await rm(path);
    expect(await problems()).toEqual([expect.stringMatching(/^globals\.sql\.gz: is missing/)]);
    await writeFile(path, Buffer.concat([good, good]));
    expect(await problems()).toEqual([expect.stringMatching(/bytes instead of/)]);
    await writeFile(join(directory, "..", "outside"), good);
    await rm(path);
    await symlink("../outside", path);
    expect(await problems()).toEqual([expect.stringMatching(/not a regular file/)]);
    await rm(path);
    execFileSync("mkfifo", [path]);
    expect(await problems()).toEqual([expect.stringMatching(/not a regular file/)]);
    await rm(path);
    await writeFile(path, good);
    expect(await problems()).toEqual([]);

    await writeFile(join(directory, "databases", "extra.sql"), "x");
    await mkdir(join(directory, "more"));
    await writeFile(join(directory, "annotations.txt"), "x");
    expect([...(await problems())].sort()).toEqual([
      "annotations.txt: is not in the manifest",
      "databases/extra.sql: is not in the manifest",
      "more: is not in the manifest",
    ]);
  });

  it("follows no folder that is a link, even to the very same files", async () => {
    const { directory, problems } = await published();
    await rename(join(directory, "databases"), join(directory, "..", "elsewhere"));
    await symlink("../elsewhere", join(directory, "databases"));
    const found = await problems();
    expect(found).toContainEqual(expect.stringMatching(/databases, which is not a directory/));
  });

  it("finds a manifest that is no longer the one that was published, though it is a good one", async () => {
    const { manifest, directory, problems } = await published();
    await writeFile(
      join(directory, "manifest.json"),
      `${JSON.stringify({ ...manifest, empty: true }, undefined, 1)}\n`,
    );
    expect(await problems()).toEqual([
      expect.stringMatching(/^manifest\.json: has the SHA-256 .* the store's log says/),
    ]);
  });

  it.each(["../outside", "/etc/hostname", "databases/../../outside", "manifest.json", "annotations/000001.json"])(
    "never reads the file %s that a hostile manifest names",
    async (file) => {
      const { store, manifest, directory, problems } = await published();
      await writeFile(join(store.location, "postgres", "outside"), "secret");
      const hostile = {
        ...manifest,
        artifacts: manifest.artifacts.map((entry, index) => (index === 0 ? { ...entry, file } : entry)),
      };
      await writeFile(join(directory, "manifest.json"), JSON.stringify(hostile));
      expect(await problems()).toEqual([expect.stringContaining("names a file that is no artifact's")]);
      await expect(store.open(manifest.id)).rejects.toMatchObject({ reason: "corrupt" });
      expect((await store.list())[0]?.problem).toMatchObject({ reason: "corrupt" });
    },
  );

  it("throws where it could not look: unknown, cancelled", async () => {
    const { store, manifest } = await published();
    await expect(store.checkIntegrity("20261123T130000.123Z-aaaaaa", never)).rejects.toMatchObject({
      reason: "not-found",
    });
    await expect(store.checkIntegrity(manifest.id, AbortSignal.abort())).rejects.toMatchObject({ reason: "cancelled" });
  });
});

describe("modes", () => {
  it("are 0700 and 0600 whatever the umask", async () => {
    for (const umask of ["000", "077", "377"]) {
      const path = join(await scratch(), "deep", "backups");
      execFileSync(process.execPath, [join(import.meta.dirname, "publisher.ts"), path, "1"], {
        env: { ...process.env, TEST_UMASK: umask },
      });
      const found = execFileSync("find", [path, "-printf", "%y %m\n"], { encoding: "utf8" }).trim().split("\n");
      expect(new Set(found), umask).toEqual(new Set(["d 700", "f 600"]));
      await chmod(path, 0o700);
    }
  }, 60_000);
});
