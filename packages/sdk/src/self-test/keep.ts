import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, writeDurably } from "@sutazai/backup-core";
import { z } from "zod";
import type { Settings } from "../config/settings.ts";
import type { SelfTestReport } from "./run.ts";
import { selfTestPage } from "./page.ts";

/** So many reports are kept; the baseline of measurements goes back as far. */
const kept = 60;
const reportFile = /^self-test-.*\.json$/;

export type WithLogs = Pick<Settings, "dir" | "logDir">;

/** Where reports of tests are. */
export function selfTestDirectory({ dir, logDir }: WithLogs): string {
  return join(logDir ?? join(dir, "logs"), "backup-tests");
}

/** Keeps a report as JSON and as a page, and removes the oldest; returns where they are. */
export async function keepSelfTest(
  settings: WithLogs,
  report: SelfTestReport,
): Promise<{ readonly json: string; readonly html: string }> {
  const directory = selfTestDirectory(settings);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const name = join(directory, `self-test-${report.id}`);
  const files = { json: `${name}.json`, html: `${name}.html` };
  await writeDurably(files.html, selfTestPage(report));
  await writeDurably(files.json, `${JSON.stringify(report, undefined, 1)}\n`);
  for (const old of (await reportsIn(directory)).slice(0, -kept)) {
    await rm(join(directory, old), { force: true });
    await rm(join(directory, old.replace(/json$/, "html")), { force: true });
  }
  return files;
}

const measurements = z.object({
  checks: z.array(z.object({ id: z.string(), measured: z.number().optional() })),
});

/** What a check measured in earlier tests, oldest first. A report that cannot be read tells nothing. */
export async function earlierMeasurements(settings: WithLogs, id: string): Promise<number[]> {
  const directory = selfTestDirectory(settings);
  const found: number[] = [];
  for (const name of await reportsIn(directory)) {
    const text = await readFile(join(directory, name), "utf8").catch(() => "{}");
    const { data } = measurements.safeParse(parsed(text));
    const measured = data?.checks.find((check) => check.id === id)?.measured;
    if (measured !== undefined) found.push(measured);
  }
  return found;
}

/** Names begin with ids, which sort by time. */
async function reportsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => reportFile.test(name)).sort();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
