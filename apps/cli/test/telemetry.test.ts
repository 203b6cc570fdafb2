import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startOtlpReceiver } from "../../../packages/reporter/test/telemetry/receiver.ts";

// Each test starts the program several times.
vi.setConfig({ testTimeout: 90_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const secret = "T0PS3CRET";

let directory: string;
let loaded: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cli-telemetry-"));
  loaded = join(directory, "loaded.txt");
  // Writes down each module of OpenTelemetry that the program loads.
  const watch = `import { appendFileSync } from "node:fs";
    import { registerHooks } from "node:module";
    registerHooks({ load: (url, context, next) => {
      if (url.includes("opentelemetry")) appendFileSync(${JSON.stringify(loaded)}, url + "\\n");
      return next(url, context);
    } });`;
  await writeFile(join(directory, "watch.mjs"), watch);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** The real command line: a database that is not there, and no Docker. */
async function cli(args: readonly string[], environment: Readonly<Record<string, string>> = {}, signal?: AbortSignal) {
  const config = join(directory, "settings.json");
  const settings = {
    dir: join(directory, "store"),
    stateDir: join(directory, "state"),
    databases: { redis: { host: "127.0.0.1", port: 1 } },
  };
  await writeFile(config, JSON.stringify(settings));
  const env = { ...process.env, DOCKER_HOST: `unix://${join(directory, "no-docker.sock")}`, ...environment };
  const { promise, resolve } = Promise.withResolvers<{ code: unknown; stdout: string; stderr: string }>();
  execFile(
    process.execPath,
    ["--import", join(directory, "watch.mjs"), main, "--config", config, ...args],
    { cwd: directory, env, signal },
    (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
  );
  return promise;
}

const modules = () => readFile(loaded, "utf8").catch(() => "");

test("without an endpoint the library is not even loaded; with one a failed backup is told, below the trace of who called", async () => {
  const without = await cli(["backup"]);
  expect(without.code).toBe(1);
  expect(await modules()).toBe("");

  const receiver = await startOtlpReceiver();
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}`,
    OTEL_SERVICE_NAME: "ours",
    TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const backup = await cli(["backup"], environment);
  expect(backup.code).toBe(1);
  expect(await modules()).toContain("opentelemetry");
  expect(backup.stderr).not.toContain("could not be sent");
  expect(receiver.requests.map(({ headers }) => headers["authorization"])).toEqual([secret, secret]);
  expect(receiver.resource()).toMatchObject({ "service.name": "ours" });
  expect(receiver.spans().find(({ name }) => name === "backup")).toMatchObject({
    traceId: "0af7651916cd43dd8448eb211c80319c",
    parentSpanId: "b7ad6b7169203331",
    status: { code: 2, message: expect.stringContaining("ECONNREFUSED") },
  });
  expect(receiver.metrics().map(({ name }) => name)).toContain("sutazai.backup.last_run_status");
  expect([without, backup].map(({ stdout, stderr }) => stdout + stderr).join()).not.toContain(secret);
});

test("an endpoint that never comes to an end does not keep the program from ending; the daemon goes on sending", async () => {
  const receiver = await startOtlpReceiver();
  const closed: Promise<void>[] = [];
  receiver.respond = (response) => {
    closed.push(new Promise((resolve) => void response.on("close", resolve)));
    response.writeHead(200);
    const timer = setInterval(() => response.write("."), 50);
    response.on("close", () => clearInterval(timer));
  };
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT: "500" };
  const { code, stderr } = await cli(["backup"], environment);
  expect(code).toBe(1);
  expect(stderr).toMatch(/the traces could not be sent: .*in time \(500 ms at most\)/);
  expect(stderr).toMatch(/the metrics could not be sent: .*in time/);
  await Promise.all(closed);
  expect(closed).toHaveLength(2);

  receiver.respond = undefined;
  receiver.requests.length = 0;
  const often = { ...environment, OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_EXPORTER_OTLP_TIMEOUT: "60000" };
  const end = new AbortController();
  const daemon = cli(["daemon", "--task", "prune", "--port", "0"], often, end.signal);
  await expect.poll(() => receiver.requests.length, { timeout: 60_000 }).toBeGreaterThanOrEqual(2);
  end.abort();
  await daemon;
  expect(receiver.metrics().map(({ name }) => name)).toContain("sutazai.backup.report_timestamp");
});
