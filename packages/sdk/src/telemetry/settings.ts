import { secretSchema, type Secret } from "@sutazai/backup-core";
import ms from "ms";
import { z } from "zod";
import { durationFrom } from "../config/amounts.ts";

/** Where traces and metrics are sent, in OpenTelemetry's protocol over HTTP. Nothing is sent where no endpoint is given. */
export interface TelemetrySettings {
  /** For both: `/v1/traces` and `/v1/metrics` are added. */
  readonly endpoint?: string | undefined;
  /** Of one signal, as it is: stronger. */
  readonly tracesEndpoint?: string | undefined;
  readonly metricsEndpoint?: string | undefined;
  /** `name=value,name=value`, percent-encoded. */
  readonly headers?: Secret | undefined;
  readonly tracesHeaders?: Secret | undefined;
  readonly metricsHeaders?: Secret | undefined;
  /** Milliseconds that sending may take. */
  readonly timeout: number;
}

export const telemetrySecrets = ["headers", "tracesHeaders", "metricsHeaders"] as const;

/** The settings' variables are those that OpenTelemetry's specification names: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. */
export const telemetryVariables = "OTEL_EXPORTER_OTLP";

const endpoint = z.url({ protocol: /^https?$/, error: "an http or https address" }).optional();
const headers = secretSchema.optional();

export const telemetrySettingsSchema: z.ZodType<TelemetrySettings> = z
  .strictObject({
    endpoint: endpoint.describe(
      "OpenTelemetry endpoint (OTLP over HTTP) that traces and metrics are sent to: http://collector:4318",
    ),
    tracesEndpoint: endpoint.describe("The same for traces alone, with its path: http://collector:4318/v1/traces"),
    metricsEndpoint: endpoint.describe("The same for metrics alone, with its path: http://collector:4318/v1/metrics"),
    headers: headers.describe("Headers for the endpoint: name=value,name=value, percent-encoded"),
    tracesHeaders: headers.describe("Further headers for traces"),
    metricsHeaders: headers.describe("Further headers for metrics"),
    timeout: durationFrom(1)
      .default(ms("10s"))
      .describe("How long sending may take at the end of a run: 5s, 10000 (milliseconds), …; 10s unless given"),
  })
  .prefault({});
