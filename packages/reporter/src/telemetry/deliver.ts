import type { Agent } from "node:http";
import { BackupError, redact, Secret } from "@sutazai/backup-core";
import { ExportResultCode, parseKeyPairsIntoRecord } from "@opentelemetry/core";
import { OTLPExporterError } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import {
  MetricsExporterMetricsHelper,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
  type IExporterMetricsHelper,
  type IExportMetricsServiceResponse,
  type IExportTraceServiceResponse,
  type ISerializer,
} from "@opentelemetry/otlp-transformer";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { printable } from "../printable.ts";
import { formatDuration } from "../units.ts";

/** Where one signal goes. */
export interface TelemetryTarget {
  /** The whole address: `https://collector:4318/v1/traces`. */
  readonly url: string;
  /** `name=value,name=value`, percent-encoded; the last of equal names counts. */
  readonly headers: readonly Secret[];
  /** Milliseconds that sending may take, all tries together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Signal<Data, Answer> {
  readonly identifier: string;
  readonly serializer: ISerializer<Data, Answer>;
  readonly helper: IExporterMetricsHelper<Data>;
}

export const traceSignal: Signal<ReadableSpan[], IExportTraceServiceResponse> = {
  identifier: "TRACES",
  serializer: ProtobufTraceSerializer,
  helper: TraceExporterMetricsHelper,
};
export const metricSignal: Signal<ResourceMetrics, IExportMetricsServiceResponse> = {
  identifier: "METRICS",
  serializer: ProtobufMetricsSerializer,
  helper: MetricsExporterMetricsHelper,
};

/**
 * Sends to an OTLP endpoint over HTTP, tried again as its protocol wants it, within the time limit: nothing goes on after it. Certificates and
 * compression are as OpenTelemetry's variables say. Throws where not everything was taken.
 */
export async function deliver<Data, Answer extends { readonly partialSuccess?: object }>(
  { identifier, serializer, helper }: Signal<Data, Answer>,
  data: Data,
  target: TelemetryTarget,
): Promise<void> {
  const limit = AbortSignal.any([AbortSignal.timeout(target.timeoutMs), ...(target.signal ? [target.signal] : [])]);
  const headers = Object.fromEntries(
    target.headers.flatMap((text) => Object.entries(parseKeyPairsIntoRecord(text.reveal()))),
  );
  // `Bearer …`: also without the word before it. A short one is no secret, and part of many a word.
  const secrets = Object.values(headers)
    .flatMap((value) => [value, value.split(" ").at(-1) ?? ""])
    .filter((value) => value.length > 8)
    .map((value) => new Secret(value));
  const base = convertLegacyHttpOptions(
    {
      url: target.url,
      timeoutMillis: target.timeoutMs,
      // Asked for before each try.
      headers: async () => {
        limit.throwIfAborted();
        return headers;
      },
    },
    identifier,
    "",
    { "Content-Type": "application/x-protobuf" },
  );
  let agent: Agent | undefined;
  let complaint: string | undefined;
  const delegate = createOtlpHttpExportDelegate(
    { ...base, agentFactory: async (protocol) => (agent = await base.agentFactory(protocol)) },
    {
      serializeRequest: (request) => serializer.serializeRequest(request),
      deserializeResponse: (answer) => {
        // An answer of success that is none is all that a wrong address may ever show.
        complaint = "its answer is none of OpenTelemetry's: is it the right address?";
        const response = serializer.deserializeResponse(answer);
        complaint = complaintIn(response);
        return response;
      },
    },
    "otlp_http_exporter",
    helper,
    undefined,
  );
  try {
    limit.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      limit.addEventListener("abort", () => reject(limit.reason as Error), { once: true });
      delegate.export(data, ({ code, error }) =>
        code === ExportResultCode.SUCCESS ? resolve() : reject(error ?? new Error("no reason is known")),
      );
    });
  } catch (thrown) {
    complaint = describe(thrown, target, secrets);
  } finally {
    // Whatever hangs would keep the process from ending.
    agent?.destroy();
  }
  if (complaint === undefined) return;
  throw new BackupError("connection", redact(`${new URL(target.url).host}: ${complaint}`, secrets), {
    operation: "telemetry",
    hint: "check the endpoint, its headers, and what it logs",
  });
}

/** What a receiver did not take although it answered that all is well. */
function complaintIn({ partialSuccess = {} }: { readonly partialSuccess?: object }): string | undefined {
  const { errorMessage = "", ...rejected } = partialSuccess as Readonly<Record<string, unknown>>;
  const count = Object.values(rejected)
    .map(Number)
    .find((number) => number > 0);
  if (count === undefined && errorMessage === "") return undefined;
  return `it rejected ${count ?? "none"}, and says: ${printable(String(errorMessage))}`;
}

function describe(thrown: unknown, { timeoutMs }: TelemetryTarget, secrets: readonly Secret[]): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === "TimeoutError") return `not everything was taken in time (${formatDuration(timeoutMs)} at most)`;
  if (thrown instanceof OTLPExporterError && thrown.code !== undefined) {
    // Before it is cut: the beginning of a secret is one, too.
    const says = printable(redact(thrown.data ?? "", secrets))
      .replaceAll(/[\s\uFFFD]+/g, " ")
      .trim()
      .slice(0, 200);
    return `it answered ${thrown.code}${says === "" ? "" : `: ${says}`}`;
  }
  // Of an address with several meanings each was tried: the error that holds all of them has no message.
  return thrown.message || ("code" in thrown ? String(thrown.code) : thrown.name);
}
