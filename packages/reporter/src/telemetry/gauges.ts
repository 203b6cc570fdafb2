import type { Resource } from "@opentelemetry/resources";
import { MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { MasterReport } from "../master/report.ts";
import { metrics, valuesOf } from "../metric-table.ts";

/** Units are no part of a name here. Where a collector hands metrics on to Prometheus, it makes the same names of these. */
const units = [
  ["_bytes_per_day", "By/d"],
  ["_bytes", "By"],
  ["_seconds", "s"],
] as const;

/** `last_good_stored_bytes` as OpenTelemetry names it: `sutazai.backup.last_good_stored`, in `By`. */
export function conventional(name: string): { readonly name: string; readonly unit: string } {
  const [suffix, unit] = units.find(([ending]) => name.endsWith(ending)) ?? ["", ""];
  return { name: `sutazai.backup.${name.slice(0, name.length - suffix.length)}`, unit };
}

/** Is asked when it is to read. */
class Reader extends MetricReader {
  protected override onForceFlush = (): Promise<void> => Promise.resolve();
  protected override onShutdown = (): Promise<void> => Promise.resolve();
}

/** The report's metrics: the numbers that Prometheus gets, with the same labels. */
export async function gaugesOf(report: MasterReport, resource: Resource): Promise<ResourceMetrics> {
  const reader = new Reader();
  const meter = new MeterProvider({ resource, readers: [reader] }).getMeter("@sutazai/backup-reporter");
  for (const metric of metrics) {
    const { name, unit } = conventional(metric.name);
    const gauge = meter.createGauge(name, { unit, description: metric.help });
    for (const [value, labels] of valuesOf(metric, report)) gauge.record(value, labels);
  }
  return (await reader.collect()).resourceMetrics;
}
