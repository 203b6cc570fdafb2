import { hostname } from "node:os";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from "@opentelemetry/resources";
import type { MasterReport } from "../master/report.ts";
import { deliver, metricSignal, traceSignal, type TelemetryTarget } from "./deliver.ts";
import { gaugesOf } from "./gauges.ts";
import type { RecordedRun } from "./recording.ts";
import { spansOf } from "./spans.ts";

export type { TelemetryTarget };

/** Who tells. What `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say is stronger. */
export interface TelemetryService {
  readonly version: string;
  /** What tells this installation from others. */
  readonly instance: string;
}

/** Sends the traces of runs that have ended, below a trace of whoever called where there is one. Throws where they were not taken as a whole. */
export async function sendTraces(
  runs: readonly RecordedRun[],
  service: TelemetryService,
  target: TelemetryTarget,
  traceparent?: string,
): Promise<void> {
  const spans = spansOf(runs, resourceOf(service), traceparent);
  // Whoever called may not want to have its trace recorded.
  if (spans.length > 0) await deliver(traceSignal, spans, target);
}

/** Sends what the report says in numbers. Throws where they were not taken as a whole. */
export async function sendMetrics(
  report: MasterReport,
  service: TelemetryService,
  target: TelemetryTarget,
): Promise<void> {
  await deliver(metricSignal, await gaugesOf(report, resourceOf(service)), target);
}

function resourceOf({ version, instance }: TelemetryService): Resource {
  const own = resourceFromAttributes({
    "service.name": "sutazai-backup",
    "service.version": version,
    "service.instance.id": instance,
    "host.name": hostname(),
  });
  const said = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  return defaultResource().merge(own).merge(said);
}
