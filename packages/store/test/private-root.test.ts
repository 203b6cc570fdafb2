import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { scratch, storeAt } from "./support.ts";

describe("prepare", () => {
  it("makes the root and all above it that is missing, for this user alone, and can be repeated", async () => {
    const base = await scratch();
    const path = join(base, "a", "b c", "store");
    await storeAt(path).prepare();
    await storeAt(path).prepare();
    for (const made of ["a", "a/b c", "a/b c/store", "a/b c/store/.locks"]) {
      expect((await stat(join(base, made))).mode & 0o7777).toBe(0o700);
    }
    expect(await readdir(join(path, ".staging"))).toEqual([]);
  });

  it.each([0o770, 0o702, 0o777, 0o720])("refuses a root of mode %o, and says how to mend it", async (mode) => {
    const path = join(await scratch(), "my store");
    await mkdir(path);
    await chmod(path, mode);
    await expect(storeAt(path).prepare()).rejects.toMatchObject({
      reason: "permission",
      hint: expect.stringContaining(`chmod go-w '${path}'`),
    });
    expect(await readdir(path)).toEqual([]);
    await chmod(path, mode & ~0o022);
    await storeAt(path).prepare();
  });

  it("refuses a directory above that everybody can write, unless it is sticky; a group's is let be", async () => {
    const above = join(await scratch(), "above");
    const path = join(above, "deep", "store");
    await storeAt(path).prepare();
    await chmod(above, 0o777);
    await expect(storeAt(path).prepare()).rejects.toMatchObject({
      reason: "permission",
      hint: expect.stringContaining(`chmod o-w ${above}`),
    });
    await chmod(above, 0o1777);
    await storeAt(path).prepare();
    await chmod(above, 0o775);
    await storeAt(path).prepare();
  });

  it("takes a link to a private directory, and refuses one whose real place others can change", async () => {
    const base = await scratch();
    await mkdir(join(base, "real", "store"), { recursive: true, mode: 0o700 });
    await symlink(join(base, "real", "store"), join(base, "link"));
    await storeAt(join(base, "link")).prepare();
    await chmod(join(base, "real"), 0o777);
    await expect(storeAt(join(base, "link")).prepare()).rejects.toMatchObject({ reason: "permission" });
  });

  it("says when it is no directory", async () => {
    const base = await scratch();
    await writeFile(join(base, "file"), "x");
    for (const path of [join(base, "file"), join(base, "file", "below")]) {
      await expect(storeAt(path).prepare()).rejects.toMatchObject({
        reason: "not-found",
        message: expect.stringContaining("is not a directory"),
      });
    }
  });

  it("refuses what belongs to another user, and what this one cannot write", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("only root can give a directory to another user");
    const base = await scratch();
    const path = join(base, "store");
    await mkdir(path, { mode: 0o755 });
    await chown(path, 65534, 65534);
    await expect(storeAt(path).prepare()).rejects.toMatchObject({
      reason: "permission",
      hint: expect.stringContaining("chown 0"),
    });
    // As an unprivileged user, in a process of its own: root's directory, which it may only read.
    await chown(path, 0, 0);
    await chmod(base, 0o755);
    const script = `
      import { directoryStore } from ${JSON.stringify(join(import.meta.dirname, "../src/index.ts"))};
      // Once everything is loaded: where the checkout lies may be out of others' reach.
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
      const codec = { name: "none", suffix: "", encode: (x) => x, decode: (x) => x };
      await directoryStore({ path: ${JSON.stringify(path)}, codec, codecOf: () => codec }).prepare().catch((error) => console.log(JSON.stringify(error)));`;
    const said = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
    expect(JSON.parse(said)).toMatchObject({ reason: "permission", hint: expect.stringContaining(path) });
  });
});
