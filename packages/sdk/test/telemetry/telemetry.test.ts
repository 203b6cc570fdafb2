import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, Secret, type BackupEvent, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startOtlpReceiver, type OtlpReceiver } from "../../../reporter/test/telemetry/receiver.ts";
import { createBackupSystem, effectiveSettings, loadConfig, localStore, Telemetry } from "../../src/index.ts";
import { FakeDatabase } from "../fake-database.ts";

const secret = "T0PS3CRET";
let directory: string;
let events: BackupEvent[];
let one: FakeDatabase;
let two: FakeDatabase;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "telemetry-"));
  events = [];
  one = new FakeDatabase("one", ["a", "b"]);
  two = new FakeDatabase("two", ["c"]);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const containers = { list: async () => [], removeOrphans: async () => [] } as unknown as ContainerRuntime;
const warnings = () => events.flatMap((event) => (event.type === "warning" ? event.message : []));
const failed = (span: { readonly status: { readonly code: number } }) => span.status.code === 2;

function systemFor({ url }: Pick<OtlpReceiver, "url">, timeoutMs = 10_000) {
  const address = (signal: string) => ({ url: `${url}/v1/${signal}`, headers: [] });
  const telemetry = new Telemetry({
    traces: address("traces"),
    metrics: address("metrics"),
    timeoutMs,
    intervalMs: 50,
    secrets: [new Secret(secret)],
  });
  const system = createBackupSystem({
    databases: [one, two],
    store: localStore({ path: join(directory, "store") }),
    stateDirectory: join(directory, "state"),
    containers,
    watch: { telemetry },
    onEvent: (event) => events.push(event),
  });
  return { system, telemetry };
}

describe("after a run", () => {
  test("its trace and the metrics are sent; what failed says why, and no secret", async () => {
    const receiver = await startOtlpReceiver();
    const { system } = systemFor(receiver);
    two.at("backup", () => {
      throw new BackupError("authentication", `the server does not know ${secret}`);
    });
    const { runId, databases } = await system.backup();
    expect(warnings()).toEqual([]);
    const [root, ...others] = receiver.spans().toReversed();
    expect(root).toMatchObject({
      name: "backup",
      parentSpanId: "",
      attributes: { "sutazai.backup.run_id": runId, "sutazai.backup.status": "partial" },
      status: { code: 2, message: "two: authentication: the server does not know **redacted**" },
    });
    const backup = databases[0]?.backup;
    expect(others.find(({ name }) => name === "backup one")).toMatchObject({
      parentSpanId: root?.spanId,
      attributes: {
        "sutazai.backup.kind": "redis",
        "sutazai.backup.status": "ok",
        "sutazai.backup.id": backup?.id,
        "sutazai.backup.content_bytes": backup?.plainBytes,
        "sutazai.backup.stored_bytes": backup?.storedBytes,
      },
      status: { code: 0 },
    });
    expect(others.find(({ name }) => name === "checking what was written")).toBeDefined();
    expect(others.filter(failed)).toMatchObject([
      { name: "backup two", attributes: { "error.type": "authentication", "sutazai.backup.status": "failed" } },
    ]);
    const of = (name: string) => receiver.metrics().find((metric) => metric.name === `sutazai.backup.${name}`)?.points;
    const failedTwo = { database: "two", kind: "redis", status: "failed" };
    expect(of("last_run_status")).toContainEqual({ value: 1, attributes: failedTwo });
    expect(of("last_good_content")).toEqual([
      { value: backup?.plainBytes, attributes: { database: "one", kind: "redis" } },
    ]);
    expect(receiver.requests.map(({ body }) => body.toString("latin1")).join()).not.toContain(secret);
  });

  test("one trace each: restore, verify and prune", async () => {
    const receiver = await startOtlpReceiver();
    const { system } = systemFor(receiver);
    const backup = (await system.backup()).databases.find(({ database }) => database === "one")?.backup?.id;
    receiver.requests.length = 0;
    await system.restore({ databases: ["one"] });
    await system.verify();
    await system.prune();
    await system.prune({ dryRun: true });
    const spans = receiver.spans();
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === "");
    expect(roots.map(({ name, status }) => [name, status.code])).toEqual([
      ["restore", 0],
      ["verify", 0],
      ["prune", 0],
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(3);
    const under = (index: number) => spans.filter(({ parentSpanId }) => parentSpanId === roots[index]?.spanId);
    expect(under(0)).toMatchObject([{ name: "restore one", attributes: { "sutazai.backup.id": backup } }]);
    expect(under(1).map(({ name }) => name)).toContain("verify two");
    expect(under(1)).toContainEqual(
      expect.objectContaining({
        attributes: {
          "sutazai.backup.database": "one",
          "sutazai.backup.kind": "redis",
          "sutazai.backup.id": backup,
          "sutazai.backup.status": "ok",
        },
      }),
    );
    expect(under(2)).toMatchObject([
      { attributes: { "sutazai.backup.kind": "redis", "sutazai.backup.freed_bytes": 0 } },
      { name: "prune two" },
    ]);
  });

  test("a run that could not be begun is a trace that says so", async () => {
    const receiver = await startOtlpReceiver();
    const { system } = systemFor(receiver);
    system.store.prepare = () => Promise.reject(new BackupError("no-space", "the disk is full"));
    await expect(system.backup()).rejects.toMatchObject({ reason: "no-space" });
    expect(receiver.spans()).toMatchObject([
      { name: "backup", attributes: { "error.type": "no-space" }, status: { message: "no-space: the disk is full" } },
    ]);
  });
});

describe("an endpoint", () => {
  test("that never answers delays a run by the time limit at most, and is told", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = () => undefined;
    const { system } = systemFor(receiver, 400);
    expect(await system.backup()).toMatchObject({ status: "ok" });
    expect(receiver.requests.map(({ path }) => path).sort()).toEqual(["/v1/metrics", "/v1/traces"]);
    expect(warnings().sort()).toEqual([
      expect.stringMatching(/^the metrics could not be sent: .*in time \(400 ms at most\)$/),
      expect.stringMatching(/^the traces could not be sent: .*in time \(400 ms at most\)$/),
    ]);
  });

  test("that refuses is told, with why", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = (response) => void response.writeHead(403).end("no such tenant");
    const { system } = systemFor(receiver);
    expect(await system.backup()).toMatchObject({ status: "ok" });
    expect(warnings().join()).toMatch(/the traces could not be sent: .* it answered 403: no such tenant/);
    const gone = systemFor({ url: "http://127.0.0.1:1" }, 500);
    expect(await gone.system.backup()).toMatchObject({ status: "ok" });
    expect(warnings().at(-1)).toMatch(/could not be sent: 127\.0\.0\.1:1: /);
  });

  test("gets metrics again and again where somebody keeps sending; what is wrong is told once", async () => {
    const receiver = await startOtlpReceiver();
    const { system, telemetry } = systemFor(receiver);
    await system.backup();
    receiver.requests.length = 0;
    receiver.respond = (response) => void response.writeHead(403).end();
    const ended = new AbortController();
    const problems: string[] = [];
    const sending = telemetry.keepSendingMetrics(() => system.report(), {
      signal: ended.signal,
      onProblem: (message) => problems.push(message),
    });
    await expect.poll(() => receiver.requests.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(3);
    ended.abort();
    await sending;
    expect(problems).toEqual([expect.stringContaining("it answered 403")]);
  });
});

describe("configured", () => {
  async function load(telemetry: object, environment: Record<string, string> = {}) {
    const configFile = join(directory, "settings.json");
    await writeFile(configFile, JSON.stringify({ databases: { redis: { host: "h" } }, telemetry }));
    const config = await loadConfig(containers, { configFile, environment });
    const headers = (all: readonly Secret[] = []) => all.map((each) => each.reveal());
    const { traces, metrics } = config.telemetry ?? {};
    return {
      config,
      traces: traces && [traces.url, ...headers(traces.headers)],
      metrics: metrics && [metrics.url, ...headers(metrics.headers)],
    };
  }

  test("nowhere: nothing is sent", async () => {
    const { config, ...signals } = await load({});
    expect(signals).toEqual({ traces: undefined, metrics: undefined });
    expect(config).toMatchObject({ telemetry: undefined, warnings: [] });
    expect((await load({ headers: "a=b" })).config.telemetry).toBeUndefined();
  });

  test("by OpenTelemetry's variables, over the file; those of one signal are as they are", async () => {
    const file = { endpoint: "http://file:1", timeout: "3s" };
    expect(await load(file, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://all:4318/otlp/" })).toMatchObject({
      traces: ["http://all:4318/otlp/v1/traces"],
      metrics: ["http://all:4318/otlp/v1/metrics"],
      config: { telemetry: { timeoutMs: 3000, intervalMs: 60_000 } },
    });
    const environment = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://traces/x?y=z",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1",
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: "a=2",
      OTEL_EXPORTER_OTLP_TIMEOUT: "2500",
      OTEL_METRIC_EXPORT_INTERVAL: "5000",
    };
    expect(await load(file, environment)).toMatchObject({
      traces: ["https://traces/x?y=z", "a=1"],
      metrics: ["http://file:1/v1/metrics", "a=1", "a=2"],
      config: { telemetry: { timeoutMs: 2500, intervalMs: 5000 } },
    });
    expect(await load({}, { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m:1/m" })).toMatchObject({
      traces: undefined,
      metrics: ["http://m:1/m"],
    });
  });

  test.each([
    [{ OTEL_SDK_DISABLED: "TRUE" }, []],
    [{ OTEL_SDK_DISABLED: "1" }, ["traces", "metrics"]],
    [{ OTEL_METRICS_EXPORTER: "prometheus" }, ["traces"]],
    [{ OTEL_TRACES_EXPORTER: "console, otlp", OTEL_METRICS_EXPORTER: "none" }, ["traces"]],
    [{ OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }, ["metrics"]],
  ])("%j leaves %j", async (environment, expected) => {
    const { config } = await load({ endpoint: "http://file:1" }, environment);
    const { traces, metrics } = config.telemetry ?? {};
    expect([...(traces ? ["traces"] : []), ...(metrics ? ["metrics"] : [])]).toEqual(expected);
    expect(config.warnings).toEqual([]);
  });

  test("a protocol that is not spoken is told, and nothing is sent", async () => {
    const { config } = await load({ endpoint: "http://c:4317" }, { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" });
    expect(config.telemetry).toBeUndefined();
    expect(config.warnings).toEqual([
      expect.stringMatching(/^the traces are not sent: .*grpc.*http\/protobuf/),
      expect.stringMatching(/^the metrics are not sent: /),
    ]);
  });

  test("wrongly by a variable for all programs keeps from nothing; in the file of this one it is an error", async () => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318", OTEL_EXPORTER_OTLP_TIMEOUT: "soon" };
    const { config, traces } = await load({ endpoint: "http://file:1" }, environment);
    expect(traces).toEqual(["http://file:1/v1/traces"]);
    expect(config.warnings).toEqual([
      'OTEL_EXPORTER_OTLP_ENDPOINT: found "collector:4318", allowed is an http or https address; it is left out',
      expect.stringMatching(/^OTEL_EXPORTER_OTLP_TIMEOUT: found "soon", .*; it is left out$/),
    ]);
    await expect(load({ endpoint: "collector:4318" })).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("telemetry.endpoint in "),
    });
    await expect(load({ endpont: "http://c:1" })).rejects.toThrow('did you mean "endpoint"?');
  });

  test("with headers that are a secret, from a file or a variable", async () => {
    const headersFile = join(directory, "headers");
    await writeFile(headersFile, `authorization=${secret}\n`);
    const telemetry = { endpoint: `https://user:${secret}@collector:1`, headersFile, tracesHeaders: `x=${secret}` };
    const { config, traces } = await load(telemetry, { OTEL_EXPORTER_OTLP_METRICS_HEADERS: `y=${secret}` });
    expect(traces?.slice(1)).toEqual([`authorization=${secret}`, `x=${secret}`]);
    const settings = effectiveSettings(config);
    expect(JSON.stringify(settings)).not.toContain(secret);
    const of = (name: string) => settings.find(({ setting }) => setting === `telemetry.${name}`);
    expect(of("endpoint")).toMatchObject({ value: "https://**redacted**@collector:1/", origin: "file" });
    expect(of("headers")).toMatchObject({ value: "**redacted**", source: expect.stringContaining("headersFile in") });
    expect(of("headersFile")).toBeUndefined();
    const fromVariable = { value: "**redacted**", origin: "variable", source: "OTEL_EXPORTER_OTLP_METRICS_HEADERS" };
    expect(of("metricsHeaders")).toMatchObject(fromVariable);
    // Set for all programs of the machine beside the file that is named for this one.
    const both = await load(telemetry, { OTEL_EXPORTER_OTLP_HEADERS: "z=1" });
    expect(both.metrics?.slice(1)).toEqual(["z=1"]);
  });
});
