import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openStore, publishSample } from "./support.ts";

/** The commands of docs/format.md, by where it says that they run. */
const commands = new Map<string, string[]>();
beforeAll(async () => {
  const text = await readFile(join(import.meta.dirname, "../../../docs/format.md"), "utf8");
  for (const [, where = "", command = ""] of text.matchAll(/<!-- run in (.*?) -->\n+```sh\n(.*?)```/gs)) {
    commands.set(where, [...(commands.get(where) ?? []), command]);
  }
});

/** What the commands say; a command that fails is told with its exit code. */
function runByHand(where: string, cwd: string): string {
  const found = commands.get(where) ?? [];
  expect(found).not.toEqual([]);
  return found
    .map((command) => {
      try {
        return execFileSync("sh", ["-c", command], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      } catch (error) {
        const { status, stdout } = error as { status: number; stdout: string };
        return `${stdout}failed: ${status}\n`;
      }
    })
    .join("");
}

describe("docs/format.md, by hand", () => {
  it("proves what is whole, and shows what is not", async () => {
    const store = await openStore();
    await publishSample(store);
    const artifacts = { "globals.sql": "create role app;\n", "databases/my app.sql": "select 1;\n" };
    const { id } = await publishSample(store, { artifacts });
    await publishSample(store);
    await store.annotate(id, "pin", "kept for the auditors");
    const directory = join(store.location, "postgres", id);

    const good = runByHand("a backup", directory);
    expect(good).toContain("globals.sql.gz: OK\ndatabases/my%20app.sql.gz: OK\n");
    expect(good).toContain(`"backup":"${id}"`);
    expect(good).not.toContain("failed");
    expect(runByHand("an annotated backup", directory)).toBe("annotations/000001.json: OK\n");
    expect(runByHand("the root", store.location)).toBe("");

    const spoil = async (path: string, from: string, to: string) => {
      const text = await readFile(path, "latin1");
      expect(text).toContain(from);
      await writeFile(path, text.replace(from, to), "latin1");
    };
    await spoil(join(directory, "annotations", "000001.json"), "auditors", "auditor");
    expect(runByHand("an annotated backup", directory)).not.toContain("OK");
    await spoil(join(store.location, "log.jsonl"), `"backup":"${id}"`, `"backup":"${id.toUpperCase()}"`);
    expect(runByHand("the root", store.location)).toMatch(/^broken at: \{"sequence":3/);
    await writeFile(join(directory, "globals.sql.gz"), "x");
    expect(runByHand("a backup", directory)).toMatch(/globals\.sql\.gz: FAILED[^]*failed: 1/);
    await spoil(join(directory, "manifest.json"), '"empty": false', '"empty": true');
    expect(runByHand("a backup", directory)).toMatch(/failed: 1\n.*failed: 1\n/s);
  });
});
