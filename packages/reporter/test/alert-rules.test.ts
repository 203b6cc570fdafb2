import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../../docs/monitoring/", import.meta.url));

test("every alert is one that a test expects to fire", async () => {
  const [rules, tests] = await Promise.all(
    ["alert-rules.yaml", "alert-rules.test.yaml"].map((name) => readFile(`${folder}${name}`, "utf8")),
  );
  const alerts = [...(rules ?? "").matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const fired = [...(tests ?? "").matchAll(/alertname: (\w+)\n +exp_alerts:/g)].map(([, name]) => name);
  expect(new Set(fired)).toEqual(new Set(alerts));
});

// In a container: tests/system/full/alert-rules.test.ts.
test("Prometheus understands the alerts, and they fire as they should", async ({ skip }) => {
  if (spawnSync("promtool", ["--version"]).error !== undefined)
    skip("there is no promtool here (Debian: prometheus): test:full runs it in a container");
  const promtool = (...args: string[]) => promisify(execFile)("promtool", args, { cwd: folder });
  expect((await promtool("check", "rules", "alert-rules.yaml")).stdout).toContain("SUCCESS");
  expect((await promtool("test", "rules", "alert-rules.test.yaml")).stdout).toContain("SUCCESS");
});
