import { execFile } from "node:child_process";
import {
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
  link,
  chmod,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DatabaseAdapter, Json, RestoreFacts } from "@sutazai/backup-core";
import {
  askFaiss,
  fillFaiss,
  type MemoryBackup,
  startServer,
  testImage,
  type TestServer,
} from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faissAdapter } from "../../src/index.ts";
import { operations } from "../operation.ts";

const docker = async (...words: string[]) => (await promisify(execFile)("docker", words)).stdout.trim();
const way = { form: "data", method: "replace", only: undefined };

let scratch: string;
let server: TestServer;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "faiss-test-"));
  server = await startServer("faiss");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

const { operate, backUp } = operations(() => join(scratch, "state"));

function restore(adapter: DatabaseAdapter, backup: MemoryBackup, keep = true): Promise<RestoreFacts> {
  return operate(
    adapter,
    async (context) => {
      await adapter.planRestore(context, backup.manifest, way);
      await adapter.fence(context, way);
      return adapter.restore(context, backup, way);
    },
    keep,
  );
}

/** Writes an index and its ids in place, a careless application's way, until it is told to stop. */
const writer = `
import faiss, json, numpy, os, time
index, ids = faiss.IndexFlatL2(64), []
index.add(numpy.zeros((5000, 64), dtype="float32")); ids += list(range(5000))
while not os.path.exists("/data/stop.tmp"):
    index.add(numpy.ones((1, 64), dtype="float32")); ids.append(len(ids))
    faiss.write_index(index, "/data/busy.index")
    with open("/data/busy.ids.json", "w") as file: json.dump(ids, file)
    time.sleep(0.02)
print(index.ntotal)
`;

test("a set that there is no room for is refused with both sizes", async () => {
  const faiss = faissAdapter({ container: server.name });
  await fillFaiss(server, { vectors: 100 });
  const { manifest } = await backUp(faiss);
  const artifacts = manifest.artifacts.map((artifact) => ({
    ...artifact,
    plain: { ...artifact.plain, bytes: 2 ** 50 },
  }));
  await expect(
    operate(faiss, (context) => faiss.planRestore(context, { ...manifest, artifacts }, way)),
  ).rejects.toMatchObject({
    reason: "no-space",
    message: expect.stringMatching(/needs 1073741824 MiB .* MiB are free/) as string,
  });
});

describe("a service that writes all the time", () => {
  test("is held still for a moment; what was captured fits together, and neighbours come back", async () => {
    const faiss = faissAdapter({ container: server.name });
    await fillFaiss(server, { vectors: 1_000 });
    const queries = { vectors: [Array.from({ length: 64 }, (_, at) => at / 64)], k: 10 };
    const neighbours = await askFaiss(server, "POST", "/indexes/articles/search", queries);
    const writing = server.exec(["python3", "-c", writer]);
    let good: MemoryBackup | undefined;
    try {
      for (let time = 0; time < 20 && good === undefined; time += 1) {
        const backup = await backUp(faiss);
        const [form] = backup.manifest.forms;
        // Frozen within a save, the set is what a crash leaves: that is told, and never called good.
        for (const problem of backup.manifest.incomplete) expect(problem).toMatch(/busy/);
        if (form?.method === "frozen copy (sigstop)" && backup.manifest.status === "ok") good = backup;
      }
    } finally {
      await server.exec(["touch", "/data/stop.tmp"]);
    }
    const { stdout } = await writing;
    expect(good).toBeDefined();
    if (good === undefined) return;
    const captured = good.manifest.forms[0]?.fingerprint["index:busy.index/vectors"];
    expect(captured).toMatchObject({ exact: expect.any(Number) });
    expect(captured).not.toEqual({ exact: Number(stdout) });
    const facts = await restore(faiss, good);
    expect(facts.evidence.join()).toMatch(/loaded by FAISS \d/);
    await server.start();
    const { busy } = await askFaiss<Record<string, { ntotal: number }>>(server, "GET", "/indexes");
    expect(captured).toEqual({ exact: busy?.ntotal });
    expect(await askFaiss(server, "POST", "/indexes/articles/search", queries)).toEqual(neighbours);
  });

  test("torn files and ids that do not fit make it incomplete, never ok", async () => {
    const faiss = faissAdapter({ container: server.name });
    await server.exec([
      "sh",
      "-c",
      "cd /data && truncate -s -1 users.index && echo '[1,2]' > products.ids.json && printf '[1,' > images.ids.json && : > later.index && echo text > odd.faiss",
    ]);
    const { manifest } = await backUp(faiss);
    expect(manifest.status).toBe("partial");
    expect(manifest.incomplete.map((problem) => problem.replaceAll(/\d+/g, "N")).sort()).toEqual([
      `"images.ids.json" is cut off, or no JSON`,
      `"products.ids.json" has N ids, and "products.index" N vectors`,
      `the index "later.index" is torn: it is shorter than any index, and ends before`,
      `the index "users.index" is torn: it says that it has N vectors, and ends before`,
    ]);
    expect(manifest.warnings).toEqual([
      `"odd.faiss" is of a type that is not known here ("text"): kept, with its digest`,
    ]);
    expect(manifest.forms[0]?.method).toBe("files read while nothing changed");
  });
});

describe("a directory of this host", () => {
  async function fill(directory: string): Promise<void> {
    await mkdir(join(directory, "sub dir"), { recursive: true });
    await writeFile(join(directory, "notes.txt"), "one");
    await writeFile(join(directory, "sub dir", "-rf 'x'"), "two");
    await writeFile(join(directory, ".hidden"), "three");
    await writeFile(join(directory, "skipped.tmp"), "not part of it");
    await link(join(directory, "notes.txt"), join(directory, "hard"));
    await symlink("sub dir/-rf 'x'", join(directory, "soft"));
    await chown(join(directory, "sub dir"), 12, 34);
    await chmod(join(directory, "notes.txt"), 0o640);
    await utimes(join(directory, "notes.txt"), 1e9, 1e9);
    await chmod(directory, 0o750);
  }

  test("comes back with owners, modes, links and times, or stays as it was", async () => {
    const directory = join(scratch, "host");
    await fill(directory);
    const faiss = faissAdapter({ directory });
    expect(faiss.capabilities.restoreMethods).toEqual([
      { name: "replace", restarts: false, fence: "none", removesOthers: "always" },
    ]);
    const backup = await backUp(faiss);
    await rm(join(directory, "sub dir"), { recursive: true });
    await chmod(directory, 0o700);
    await writeFile(join(directory, "notes.txt"), "changed");
    await writeFile(join(directory, "made since"), "");
    await writeFile(join(directory, "skipped.tmp"), "not part of it, and changed");
    const before = await operate(faiss, (context) => faiss.fingerprint(context, "data"));
    await restore(faiss, backup, false);
    expect(await operate(faiss, (context) => faiss.fingerprint(context, "data"))).toEqual(before);

    await restore(faiss, backup);
    expect((await readdir(directory)).sort()).toEqual([
      ".hidden",
      "hard",
      "notes.txt",
      "skipped.tmp",
      "soft",
      "sub dir",
    ]);
    expect(await readFile(join(directory, "skipped.tmp"), "utf8")).toBe("not part of it, and changed");
    const notes = await lstat(join(directory, "notes.txt"));
    expect(notes).toMatchObject({ nlink: 2, mtimeMs: 1e12, mode: 0o100640 });
    expect((await lstat(join(directory, "hard"))).ino).toBe(notes.ino);
    expect(await readlink(join(directory, "soft"))).toBe("sub dir/-rf 'x'");
    expect(await lstat(join(directory, "sub dir"))).toMatchObject({ uid: 12, gid: 34 });
    expect((await lstat(directory)).mode & 0o777).toBe(0o750);
    expect(await readFile(join(directory, "sub dir", "-rf 'x'"), "utf8")).toBe("two");
  });

  test("has its service stopped and started by the commands given, also when the restore fails", async () => {
    const directory = join(scratch, "hooked");
    const log = join(scratch, "log");
    await fill(directory);
    const say = (word: string) => ["sh", "-c", `echo ${word} >> '${log}'`];
    const faiss = faissAdapter({ directory, service: { stop: say("stop"), start: say("start") } });
    const backup = await backUp(faiss);
    await restore(faiss, backup);
    expect(await readFile(log, "utf8")).toBe("stop\nstart\n");
    const forms = backup.manifest.forms.map((form) => ({ ...form, fingerprint: { files: { exact: 0 } } }));
    const lying = { manifest: { ...backup.manifest, forms }, read: (name: string) => backup.read(name) };
    await expect(restore(faiss, lying as unknown as MemoryBackup)).rejects.toMatchObject({
      reason: "mismatch",
      hint: expect.stringContaining("undone"),
    });
    expect(await readFile(log, "utf8")).toBe("stop\nstart\nstop\nstart\n");
    expect((await readdir(directory)).includes("notes.txt")).toBe(true);
  });

  test("is refused where it holds what cannot be given back, or is none", async () => {
    const directory = join(scratch, "odd");
    await mkdir(directory);
    await symlink("/etc/passwd", join(directory, "outside"));
    await expect(backUp(faissAdapter({ directory }))).rejects.toMatchObject({
      reason: "unsupported",
      hint: expect.stringContaining("exclude"),
    });
    expect((await backUp(faissAdapter({ directory, exclude: ["outside"] }))).manifest.empty).toBe(true);
    await expect(backUp(faissAdapter({ directory: join(scratch, "none") }))).rejects.toMatchObject({
      reason: "not-found",
    });
    await expect(backUp(faissAdapter({ directory: "relative" }))).rejects.toMatchObject({ reason: "configuration" });
    expect(() => faissAdapter({})).toThrow(/one of/);
  });
});

test("a volume that no container mounts, with an image to read it with", async () => {
  const { image } = await testImage("faiss");
  const volume = `faiss-test-${process.pid}`;
  await docker("volume", "create", volume);
  try {
    const make = `import faiss, numpy; i = faiss.IndexFlatL2(4); i.add(numpy.arange(12, dtype="float32").reshape(3, 4)); faiss.write_index(i, "/data/a.index")`;
    await docker("run", "--rm", "-v", `${volume}:/data`, image, "python3", "-c", make);
    await expect(backUp(faissAdapter({ volume }))).rejects.toMatchObject({
      reason: "configuration",
      hint: expect.stringContaining("image"),
    });
    const faiss = faissAdapter({ volume, image });
    const backup = await backUp(faiss);
    expect(backup.manifest.forms[0]?.fingerprint["index:a.index/vectors"]).toEqual({ exact: 3 });
    await docker("run", "--rm", "-v", `${volume}:/data`, image, "sh", "-c", "rm /data/a.index; echo x > /data/b");
    const left = () => docker("run", "--rm", "-v", `${volume}:/data`, image, "ls", "-A", "/data");
    const details = JSON.parse(JSON.stringify(backup.manifest.details).replaceAll('"id":"2"', '"id":"7"')) as Json;
    const lying = { manifest: { ...backup.manifest, details }, read: (name: string) => backup.read(name) };
    await expect(restore(faiss, lying as unknown as MemoryBackup)).rejects.toMatchObject({
      reason: "mismatch",
      message: expect.stringContaining("a.index has other neighbours") as string,
    });
    expect(await left()).toBe("b");
    const facts = await restore(faiss, backup);
    expect(facts.evidence.join()).toMatch(/loaded by FAISS \d.*neighbours of stored vectors .* in 1 of 1 indexes/);
    expect(await left()).toBe("a.index");
  } finally {
    await docker("volume", "rm", volume);
  }
});
