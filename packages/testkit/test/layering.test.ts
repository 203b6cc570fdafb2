import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

// The linter holds the architecture; this holds the linter: each forbidden arrow is reported with its reason, each allowed one is not.

const root = fileURLToPath(new URL("../../../", import.meta.url));

const forbidden: readonly (readonly [file: string, imports: string, reason: RegExp])[] = [
  ["packages/core/src/a.ts", "@sutazai/backup-formats", /core is the ground/],
  ["packages/containers/src/a.ts", "@sutazai/backup-formats", /stand on core alone/],
  ["packages/formats/src/tar/a.ts", "@sutazai/backup-store", /stand on core alone/],
  ["packages/http/src/a.ts", "@sutazai/backup-formats", /stand on core alone/],
  ["packages/adapters/redis/src/a.ts", "@sutazai/backup-sdk", /An adapter works alone/],
  ["packages/adapters/redis/src/rdb/a.ts", "@sutazai/backup-postgres", /An adapter works alone/],
  ["packages/adapters/redis/src/b.ts", "@sutazai/backup-core/src/error.ts", /An adapter works alone/],
  ["packages/adapters/redis/src/c.ts", "../../../core/src/error.ts", /by its name/],
  ["packages/store/src/a.ts", "@sutazai/backup-compressor", /do not know each other/],
  ["packages/verifier/src/a.ts", "@sutazai/backup-redis", /do not know each other/],
  ["packages/scheduler/src/a.ts", "@sutazai/backup-sdk", /do not know each other/],
  ["packages/testkit/src/a.ts", "@sutazai/backup-redis", /what it tests is handed in/],
  ["packages/sdk/src/a.ts", "@sutazai/backup-testkit/conformance", /neither the command line nor the tests/],
  ["apps/cli/src/verbs/a.ts", "@sutazai/backup-store", /thin shell over the sdk/],
  ["packages/sdk/test/a.test.ts", "@sutazai/backup-core/src/error.ts", /its files are its own/],
  ["packages/sdk/test/b.test.ts", "../../core/src/error.ts", /by its name/],
  ["examples/a.ts", "../packages/core/src/index.ts", /by its name/],
];

const allowed: readonly (readonly [file: string, imports: string])[] = [
  ["packages/containers/src/z.ts", "@sutazai/backup-core"],
  ["packages/adapters/redis/src/z.ts", "@sutazai/backup-formats"],
  ["packages/adapters/redis/src/y.ts", "@sutazai/backup-http"],
  ["packages/store/src/z.ts", "@sutazai/backup-core"],
  ["packages/sdk/src/z.ts", "@sutazai/backup-redis"],
  ["apps/cli/src/z.ts", "@sutazai/backup-sdk"],
  ["packages/adapters/redis/test/real/z.test.ts", "@sutazai/backup-testkit/conformance"],
  ["packages/adapters/redis/test/rdb/z.test.ts", "../../src/rdb/parser.ts"],
  ["examples/z.ts", "@sutazai/backup-redis"],
];

let checkout: string;
let reported: readonly { filename: string; code: string; message: string; help: string }[];

beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), "layering-"));
  await copyFile(join(root, ".oxlintrc.json"), join(checkout, ".oxlintrc.json"));
  for (const [file, imports] of [...forbidden, ...allowed]) {
    await mkdir(dirname(join(checkout, file)), { recursive: true });
    await writeFile(join(checkout, file), `import { something } from "${imports}";\nsomething();\n`);
  }
  const output = await new Promise<string>((resolve) => {
    const linter = join(root, "node_modules", ".bin", "oxlint");
    // It ends with 1, as it has much to report.
    execFile(linter, ["--format", "json"], { cwd: checkout }, (_error, stdout) => resolve(stdout));
  });
  reported = JSON.parse(output).diagnostics;
});
afterAll(() => rm(checkout, { recursive: true }));

const of = (file: string) =>
  reported.filter(({ filename, code }) => filename === file && code === "eslint(no-restricted-imports)");

test.for(forbidden)("%s may not import %s, and is told why", ([file, , reason]) => {
  expect(of(file).map(({ help }) => help)).toContainEqual(expect.stringMatching(reason));
});

test.for(allowed)("%s may import %s", ([file]) => {
  expect(of(file)).toEqual([]);
});
