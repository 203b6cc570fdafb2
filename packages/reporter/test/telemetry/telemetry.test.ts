import { readFile } from "node:fs/promises";
import { Secret } from "@sutazai/backup-core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { masterReport } from "../../src/index.ts";
import { metrics } from "../../src/metric-table.ts";
import { metricsText } from "../../src/metrics.ts";
import { conventional } from "../../src/telemetry/gauges.ts";
import { sendMetrics, sendTraces } from "../../src/telemetry/index.ts";
import type { RecordedRun } from "../../src/telemetry/recording.ts";
import { platform } from "../platform.ts";
import { partialSuccess, startOtlpReceiver, type OtlpReceiver } from "./receiver.ts";

afterEach(() => vi.unstubAllEnvs());

const service = { version: "1.2.3", instance: "here" };
const target = ({ url }: OtlpReceiver, signal: "traces" | "metrics", timeoutMs = 10_000) => ({
  url: `${url}/v1/${signal}`,
  headers: [new Secret("authorization=Bearer%20T0PS3CRET,x-scope=a"), new Secret("x-scope=b")],
  timeoutMs,
});
const times = { startedAt: 1_000_000, endedAt: 1_004_000 };
const run: RecordedRun = {
  ...times,
  command: "backup",
  runId: "r1",
  status: "partial",
  databases: [
    {
      ...times,
      database: "cache",
      kind: "redis",
      status: "ok",
      backup: "b1",
      plainBytes: 100,
      storedBytes: 40,
      steps: [{ step: "reading", startedAt: 1_001_000, endedAt: 1_002_500, bytes: 100 }],
      stepsLeftOut: 3,
    },
    {
      ...times,
      database: "graph",
      kind: "neo4j",
      status: "failed",
      error: { reason: "tool-failed", message: "neo4j-admin ended with 1" },
      steps: [],
      stepsLeftOut: 0,
    },
  ],
};

describe("traces", () => {
  test("the run, in it its databases, in them their steps; what failed says why", async () => {
    const receiver = await startOtlpReceiver();
    await sendTraces([run], service, target(receiver, "traces"));
    expect(receiver.requests).toHaveLength(1);
    expect(receiver.requests[0]).toMatchObject({
      path: "/v1/traces",
      headers: { "content-type": "application/x-protobuf", authorization: "Bearer T0PS3CRET", "x-scope": "b" },
    });
    const of = (name: string) => receiver.spans().find((span) => span.name === name);
    const [root, cache, graph, reading] = ["backup", "backup cache", "backup graph", "reading"].map(of);
    expect(receiver.spans()).toHaveLength(4);
    expect(new Set(receiver.spans().map(({ traceId }) => traceId)).size).toBe(1);
    expect(root).toMatchObject({
      parentSpanId: "",
      ms: 4000,
      attributes: { "sutazai.backup.command": "backup", "sutazai.backup.run_id": "r1", "error.type": "partial" },
      status: { code: 2, message: "graph: tool-failed: neo4j-admin ended with 1" },
    });
    expect(cache).toMatchObject({ parentSpanId: root?.spanId, ms: 4000, status: { code: 0, message: "" } });
    expect(cache?.attributes).toEqual({
      "sutazai.backup.database": "cache",
      "sutazai.backup.kind": "redis",
      "sutazai.backup.status": "ok",
      "sutazai.backup.id": "b1",
      "sutazai.backup.content_bytes": 100,
      "sutazai.backup.stored_bytes": 40,
      "sutazai.backup.steps_left_out": 3,
    });
    expect(graph).toMatchObject({
      parentSpanId: root?.spanId,
      attributes: { "sutazai.backup.status": "failed", "error.type": "tool-failed" },
      status: { code: 2, message: "tool-failed: neo4j-admin ended with 1" },
    });
    expect(reading).toMatchObject({
      parentSpanId: cache?.spanId,
      ms: 1500,
      attributes: { "sutazai.backup.bytes": 100 },
    });
  });

  test("two runs are two traces; below a caller's they are part of it, unless it is not recorded", async () => {
    const receiver = await startOtlpReceiver();
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    await sendTraces([run, run], service, target(receiver, "traces"));
    await sendTraces([run], service, target(receiver, "traces"), `00-${traceId}-b7ad6b7169203331-01`);
    await sendTraces([run], service, target(receiver, "traces"), `00-${traceId}-b7ad6b7169203331-00`);
    await sendTraces([run], service, target(receiver, "traces"), "nonsense");
    const roots = receiver.spans().filter(({ name }) => name === "backup");
    expect(new Set(roots.map((root) => root.traceId)).size).toBe(4);
    expect(roots.map(({ parentSpanId }) => parentSpanId)).toEqual(["", "", "b7ad6b7169203331", ""]);
    expect(roots[2]?.traceId).toBe(traceId);
  });

  test("who tells: OpenTelemetry's variables are stronger", async () => {
    const receiver = await startOtlpReceiver();
    await sendTraces([run], service, target(receiver, "traces"));
    expect(receiver.resource()).toMatchObject({
      "service.name": "sutazai-backup",
      "service.version": "1.2.3",
      "service.instance.id": "here",
      "host.name": expect.stringMatching(/./),
      "telemetry.sdk.language": "nodejs",
    });
    vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod%2C1,service.name=weaker");
    vi.stubEnv("OTEL_SERVICE_NAME", "ours");
    vi.stubEnv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip");
    await sendTraces([run], service, target(receiver, "traces"));
    expect(receiver.resource()).toMatchObject({ "service.name": "ours", "deployment.environment.name": "prod,1" });
    expect(receiver.requests[1]?.headers["content-encoding"]).toBe("gzip");
  });
});

describe("metrics", () => {
  test("are those that Prometheus gets: the same numbers, labels, and names as a collector makes of them", async () => {
    const receiver = await startOtlpReceiver();
    const report = masterReport(platform());
    await sendMetrics(report, service, target(receiver, "metrics"));
    expect(receiver.requests[0]?.path).toBe("/v1/metrics");
    const told = receiver.metrics().flatMap(({ name, unit, points }) =>
      points.map(({ value, attributes }) => {
        const labels = Object.entries(attributes).map(([key, text]) => `${key}="${String(text)}"`);
        const suffix = { By: "_bytes", s: "_seconds", "By/d": "_bytes_per_day", "": "" }[unit];
        return `${name.replaceAll(".", "_")}${suffix}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${value}`;
      }),
    );
    const text = (await metricsText(report)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(told.sort()).toEqual(text.sort());
    expect(receiver.metrics()).toContainEqual(
      expect.objectContaining({ name: "sutazai.backup.last_good_stored", unit: "By" }),
    );
  });

  test("every name is documented", async () => {
    const page = await readFile(new URL("../../../../docs/telemetry.md", import.meta.url), "utf8");
    for (const { name } of metrics) expect(page, name).toContain(`\`${conventional(name).name}\``);
  });
});

describe("a receiver that does not take them", () => {
  const failure = async (receiver: OtlpReceiver, timeoutMs?: number): Promise<string> => {
    const error: unknown = await sendTraces([run], service, target(receiver, "traces", timeoutMs)).catch(
      (thrown) => thrown,
    );
    return error instanceof Error ? error.message : "it was taken";
  };

  test("that is never done is left after the time limit, also where it shows signs of life", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = () => undefined;
    expect(await failure(receiver, 300)).toMatch(
      /^127\.0\.0\.1:\d+: not everything was taken in time \(300 ms at most\)$/,
    );
    const closed: Promise<void>[] = [];
    receiver.respond = (response) => {
      closed.push(new Promise((resolve) => void response.on("close", resolve)));
      response.writeHead(200);
      const timer = setInterval(() => response.write("."), 20);
      response.on("close", () => clearInterval(timer));
    };
    expect(await failure(receiver, 300)).toContain("in time");
    // The connection is gone: it would keep the process from ending.
    expect(closed).toHaveLength(1);
    await Promise.all(closed);
  });

  test("is tried again where it is busy, within the time limit", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = (response, attempt) => void response.writeHead(attempt === 1 ? 503 : 200).end();
    expect(await failure(receiver)).toBe("it was taken");
    expect(receiver.requests).toHaveLength(2);
  });

  test("says why, and no secret with it", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = (response) => void response.writeHead(401).end("\u0000 T0PS3CRET is unknown by b");
    expect(await failure(receiver)).toMatch(/: it answered 401: \*\*redacted\*\* is unknown by b$/);
    receiver.respond = (response) => void response.writeHead(401).end(`${"-".repeat(195)}T0PS3CRET`);
    expect(await failure(receiver)).not.toContain("T0PS");
    receiver.respond = (response) => void response.end("<html>welcome");
    expect(await failure(receiver)).toContain("is it the right address?");
  });

  test("and is not there at all", async () => {
    const receiver = await startOtlpReceiver();
    const gone = { ...receiver, url: "http://127.0.0.1:1" };
    expect(await failure(gone, 1000)).toMatch(/^127\.0\.0\.1:1: .*(ECONNREFUSED|in time)/);
  });

  test("and what is rejected of what was taken is told", async () => {
    const receiver = await startOtlpReceiver();
    receiver.respond = (response) => void response.end(partialSuccess(2, "too old"));
    expect(await failure(receiver)).toContain("it rejected 2, and says: too old");
    receiver.respond = (response) => void response.end(partialSuccess(0, ""));
    expect(await failure(receiver)).toBe("it was taken");
  });
});
