import { Gauge, Registry } from "prom-client";
import type { MasterReport } from "./master/report.ts";
import { metrics, valuesOf } from "./metric-table.ts";

const prefix = "sutazai_backup_";

/** The report in the text format of Prometheus, for a textfile collector or an endpoint `/metrics`. */
export async function metricsText(report: MasterReport): Promise<string> {
  const registry = new Registry();
  for (const metric of metrics) {
    const values = valuesOf(metric, report);
    // A gauge without labels would be told as 0.
    if (values.length === 0) continue;
    const { name, help, labels = [] } = metric;
    const gauge = new Gauge({ name: `${prefix}${name}`, help, labelNames: labels, registers: [registry] });
    for (const [value, given] of values) gauge.set({ ...given }, value);
  }
  return registry.metrics();
}
