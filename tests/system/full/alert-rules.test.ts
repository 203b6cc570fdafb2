// Prometheus itself on the rules of docs/monitoring: installed into a container, as hardly a machine of a developer has it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { testBaseImage } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";

const folder = fileURLToPath(new URL("../../../docs/monitoring/", import.meta.url));
const script = [
  "apt-get update -qq",
  "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus",
  "cd /rules",
  "echo checked by promtool:",
  "promtool check rules alert-rules.yaml",
  "promtool test rules alert-rules.test.yaml",
].join(" && ");

test("Prometheus understands the alerts, and they fire as they should", async () => {
  const image = await testBaseImage();
  const run = ["run", "--rm", "--volume", `${folder}:/rules:ro`, image, "sh", "-c", script];
  const { stdout } = await promisify(execFile)("docker", run, { maxBuffer: 16 * 1024 * 1024 });
  expect(stdout.split("checked by promtool:")[1]?.match(/SUCCESS/g)).toHaveLength(2);
});
