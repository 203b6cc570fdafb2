import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import protobuf from "protobufjs";
import { onTestFinished } from "vitest";

const protocol = protobuf.loadSync(fileURLToPath(new URL("otlp.proto", import.meta.url)));

type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly ms: number;
  readonly attributes: Attributes;
  /** 2 is an error. */
  readonly status: { readonly code: number; readonly message: string };
}

export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly { readonly value: number; readonly attributes: Attributes }[];
}

export interface OtlpReceiver {
  readonly url: string;
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: Buffer }[];
  spans(): ReceivedSpan[];
  metrics(): ReceivedMetric[];
  /** Of the newest request. */
  resource(): Attributes;
  /** Answers in another way than that all is well. */
  respond: ((response: ServerResponse, attempt: number) => void) | undefined;
}

/** A real receiver of OpenTelemetry's protocol over HTTP, which decodes what came. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const requests: { path: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const { headers } = request;
      requests.push({
        path: request.url ?? "",
        headers,
        body: headers["content-encoding"] === "gzip" ? gunzipSync(body) : body,
      });
      if (receiver.respond !== undefined) return receiver.respond(response, requests.length);
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const decoded = (path: string, type: string) =>
    requests
      .filter((request) => request.path.endsWith(path))
      .map(({ body }) => {
        const message = protocol.lookupType(type);
        const options = { longs: Number, bytes: Buffer, arrays: true, defaults: true } as const;
        return message.toObject(message.decode(body), options) as Decoded;
      });
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    respond: undefined,
    spans: () =>
      decoded("/traces", "TraceRequest")
        .flatMap(({ resourceSpans = [] }) => resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans)
        .map((span) => ({
          traceId: span.traceId.toString("hex"),
          spanId: span.spanId.toString("hex"),
          parentSpanId: span.parentSpanId.toString("hex"),
          name: span.name,
          ms: Math.round((span.endTimeUnixNano - span.startTimeUnixNano) / 1e6),
          attributes: attributesOf(span.attributes),
          status: { code: span.status?.code ?? 0, message: span.status?.message ?? "" },
        })),
    metrics: () =>
      decoded("/metrics", "MetricsRequest")
        .flatMap(({ resourceMetrics = [] }) => resourceMetrics)
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap(({ metrics }) => metrics)
        .map(({ name, unit, gauge }) => ({
          name,
          unit,
          points: (gauge?.dataPoints ?? []).map((point) => ({
            value: point.asDouble ?? point.asInt ?? Number.NaN,
            attributes: attributesOf(point.attributes),
          })),
        })),
    resource: () => {
      const [traces, metrics] = [
        decoded("/traces", "TraceRequest").at(-1),
        decoded("/metrics", "MetricsRequest").at(-1),
      ];
      const resource = traces?.resourceSpans?.[0]?.resource ?? metrics?.resourceMetrics?.[0]?.resource;
      return attributesOf(resource?.attributes ?? []);
    },
  };
  return receiver;
}

/** An answer that all is well, but for so many. */
export function partialSuccess(rejected: number, errorMessage: string): Uint8Array {
  return protocol.lookupType("Answer").encode({ partialSuccess: { rejected, errorMessage } }).finish();
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

interface Decoded {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: Buffer;
        readonly spanId: Buffer;
        readonly parentSpanId: Buffer;
        readonly name: string;
        readonly startTimeUnixNano: number;
        readonly endTimeUnixNano: number;
        readonly attributes: readonly KeyValue[];
        readonly status?: { readonly code: number; readonly message: string } | null;
      }[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly gauge?: {
          readonly dataPoints: readonly {
            readonly asDouble?: number;
            readonly asInt?: number;
            readonly attributes: readonly KeyValue[];
          }[];
        } | null;
      }[];
    }[];
  }[];
}

function attributesOf(attributes: readonly KeyValue[]): Attributes {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] ?? ""]));
}
