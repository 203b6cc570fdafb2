import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { toBackupError, type BackupEvent, type Outcome, type Secret, type SerializedError } from "@sutazai/backup-core";
import { RunRecording, type MasterReport } from "@sutazai/backup-reporter";
import type { TelemetryTarget } from "@sutazai/backup-reporter/telemetry";
import type { Settings } from "../config/settings.ts";
import { loggable, secretsIn } from "../run-log/redaction.ts";
import { version } from "../version.ts";

type Address = Pick<TelemetryTarget, "url" | "headers">;

export interface TelemetryOptions {
  /** Where traces go; none are made unless given. */
  readonly traces?: Address | undefined;
  readonly metrics?: Address | undefined;
  /** Milliseconds that sending may take. */
  readonly timeoutMs: number;
  /** Milliseconds from one sending of metrics to the next, where that is repeated. */
  readonly intervalMs: number;
  /** What tells this installation from others; the host's name unless given. */
  readonly instance?: string | undefined;
  /** A trace that runs are part of (W3C); each is one of its own unless given. */
  readonly traceparent?: string | undefined;
  /** Redacted in whatever is sent. */
  readonly secrets: readonly Secret[];
}

/** What is recorded of one run. */
export interface RecordedTrace {
  event(event: BackupEvent): void;
  /** Sends it. Returns what went wrong with that: it never changes how a run ends. */
  end(status: Outcome, error?: SerializedError, signal?: AbortSignal): Promise<readonly string[]>;
}

/** Sends traces and metrics in OpenTelemetry's protocol. Its library is loaded with the first thing that is sent. */
export class Telemetry {
  readonly #options: TelemetryOptions;
  readonly #recordings = new Set<RunRecording>();

  constructor(options: TelemetryOptions) {
    this.#options = options;
  }

  /** What happens belongs to every run that is being recorded. */
  event(event: BackupEvent): void {
    for (const recording of this.#recordings) recording.event(event);
  }

  record(command: string): RecordedTrace {
    const { traces, secrets, traceparent } = this.#options;
    if (traces === undefined) return { event: () => undefined, end: async () => [] };
    const recording = new RunRecording(command);
    this.#recordings.add(recording);
    return {
      event: (event) => recording.event(event),
      end: async (status, error, signal) => {
        this.#recordings.delete(recording);
        const runs = loggable(recording.end(status, error), secrets) as ReturnType<RunRecording["end"]>;
        return this.#send("the traces", async ({ sendTraces }, service) =>
          sendTraces(runs, service, this.#target(traces, signal), traceparent),
        );
      },
    };
  }

  /** Returns what went wrong. */
  async sendMetrics(report: MasterReport, signal?: AbortSignal): Promise<readonly string[]> {
    const { metrics } = this.#options;
    if (metrics === undefined) return [];
    return this.#send("the metrics", async ({ sendMetrics }, service) =>
      sendMetrics(report, service, this.#target(metrics, signal)),
    );
  }

  /** Sends metrics again and again until the signal ends it. What goes wrong is told once, until it is another thing. */
  async keepSendingMetrics(
    reportNow: () => Promise<MasterReport>,
    { signal, onProblem }: { readonly signal: AbortSignal; readonly onProblem: (message: string) => void },
  ): Promise<void> {
    if (this.#options.metrics === undefined) return;
    let told = "";
    while (!signal.aborted) {
      const problems = await reportNow().then(
        (report) => this.sendMetrics(report, signal),
        (error: unknown) => [`the metrics: ${toBackupError(error).message}`],
      );
      const problem = problems.join("; ");
      if (problem !== told && problem !== "" && !signal.aborted) onProblem(problem);
      told = problem;
      await sleep(this.#options.intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #send(
    what: string,
    work: (
      library: typeof import("@sutazai/backup-reporter/telemetry"),
      service: { readonly version: string; readonly instance: string },
    ) => Promise<void>,
  ): Promise<readonly string[]> {
    try {
      await work(await import("@sutazai/backup-reporter/telemetry"), {
        version,
        instance: this.#options.instance ?? hostname(),
      });
      return [];
    } catch (error) {
      return [`${what} could not be sent: ${toBackupError(error).message}`];
    }
  }

  #target(address: Address, signal: AbortSignal | undefined): TelemetryTarget {
    return { ...address, timeoutMs: this.#options.timeoutMs, signal };
  }
}

/** What is configured; undefined where nothing is to be sent. Warnings tell what the environment asks for and is not done. */
export function telemetryOf(
  settings: Settings,
  secrets: readonly Secret[],
  environment: Readonly<Record<string, string | undefined>>,
): { readonly options: TelemetryOptions | undefined; readonly warnings: readonly string[] } {
  const { endpoint, timeout, headers, ...own } = settings.telemetry;
  const wanted = (name: string) => environment[name]?.trim().toLowerCase() || undefined;
  if (wanted("OTEL_SDK_DISABLED") === "true") return { options: undefined, warnings: [] };
  const warnings: string[] = [];
  const signal = (name: "traces" | "metrics"): Address | undefined => {
    const url = own[`${name}Endpoint`] ?? (endpoint === undefined ? undefined : below(endpoint, `v1/${name}`));
    const exporters = (wanted(`OTEL_${name.toUpperCase()}_EXPORTER`) ?? "otlp").split(",").map((each) => each.trim());
    if (url === undefined || !exporters.includes("otlp")) return undefined;
    const protocol =
      wanted(`OTEL_EXPORTER_OTLP_${name.toUpperCase()}_PROTOCOL`) ?? wanted("OTEL_EXPORTER_OTLP_PROTOCOL") ?? spoken;
    if (protocol !== spoken) {
      warnings.push(
        `the ${name} are not sent: OpenTelemetry's variables ask for ${protocol}, and only ${spoken} is spoken`,
      );
      return undefined;
    }
    return { url, headers: [headers, own[`${name}Headers`]].filter((each) => each !== undefined) };
  };
  const [traces, metrics] = [signal("traces"), signal("metrics")];
  if (traces === undefined && metrics === undefined) return { options: undefined, warnings };
  const interval = Number(environment["OTEL_METRIC_EXPORT_INTERVAL"]);
  const options: TelemetryOptions = {
    traces,
    metrics,
    timeoutMs: timeout,
    intervalMs: interval > 0 ? Math.min(Math.max(interval, 1000), longestTimer) : usualInterval,
    instance: settings.notifications.source,
    secrets: [...secrets, ...secretsIn(settings)],
  };
  return { options, warnings };
}

const spoken = "http/protobuf";
/** As OpenTelemetry's specification has it. */
const usualInterval = 60_000;
/** Longer ones would end at once. */
const longestTimer = 2 ** 31 - 1;

function below(endpoint: string, path: string): string {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path}`;
  return url.href;
}
