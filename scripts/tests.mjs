// Runs every check of the checkout, then every test, and counts both.
import { randomInt } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { capture, root, run, say } from "./steps.mjs";

const shards = 4;

/** The whole of `npm test`; the exit code. */
export async function test() {
  const total = await staticChecks();
  add(total, await vitest(join(root, ".cache", "test.json"), [], { BACKUP_TEST_SEED: seedOr(1) }));
  return conclude(total);
}

/**
 * The same with the deeper tests switched on and in shards. The seed is random unless given; given again at the same
 * commit, it continues a run that was broken off: shards that had passed are not repeated.
 */
export async function testFull() {
  const seed = seedOr(randomInt(1, 2 ** 31));
  const { output: commit } = await capture("git", ["rev-parse", "--short", "HEAD"]);
  const folder = join(root, ".cache", "test-full", `${commit.trim() || "unknown"}-${seed}`);
  say(`seed ${seed}; to repeat or continue this run: BACKUP_TEST_SEED=${seed} npm run test:full`);
  const total = await staticChecks();
  for (let shard = 1; shard <= shards; shard += 1) {
    const report = join(folder, `${shard}.json`);
    const before = readCounts(report);
    if (before !== undefined && before.failed === 0) {
      say(`shard ${shard} of ${shards} had passed`);
      add(total, before);
      continue;
    }
    say(`shard ${shard} of ${shards}`);
    add(total, await vitest(report, [`--shard=${shard}/${shards}`], { BACKUP_TEST_FULL: "1", BACKUP_TEST_SEED: seed }));
  }
  return conclude(total);
}

function seedOr(otherwise) {
  return String(process.env.BACKUP_TEST_SEED || otherwise);
}

/** Each `check:…` script of package.json is one test. */
async function staticChecks() {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const name of Object.keys(scripts).filter((script) => script.startsWith("check:"))) {
    const { code, output } = await capture("npm", ["run", "--silent", name]);
    counts[code === 0 ? "passed" : "failed"] += 1;
    say(`${name}: ${code === 0 ? "passed" : `FAILED\n${output}`}`);
  }
  return counts;
}

async function vitest(report, args, env) {
  mkdirSync(join(report, ".."), { recursive: true });
  rmSync(report, { force: true });
  const reporters = [
    "--reporter=default",
    "--reporter=./scripts/skips.mjs",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ];
  const code = await run("vitest", ["run", ...reporters, ...args], env);
  const counts = readCounts(report) ?? { passed: 0, failed: 0, skipped: 0 };
  // An error outside every test, or no report at all: nothing may pass for a success that vitest calls a failure.
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1;
    rmSync(report, { force: true });
  }
  return counts;
}

/** What vitest's JSON report says, or undefined where there is none. A file that could not even be loaded is a failed test. */
function readCounts(report) {
  let found;
  try {
    found = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return undefined;
  }
  const unloadable = found.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((result) => result.status === "failed"),
  );
  return {
    passed: found.numPassedTests,
    failed: found.numFailedTests + unloadable.length,
    skipped: found.numPendingTests + found.numTodoTests,
  };
}

function add(total, counts) {
  for (const key of Object.keys(total)) total[key] += counts[key];
}

function conclude({ passed, failed, skipped }) {
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed > 0 || passed === 0 ? 1 : 0;
}
