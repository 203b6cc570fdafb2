import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { formatMasterCsv, formatMasterReport, masterReport, masterReportJsonSchema } from "../src/index.ts";
import { metrics } from "../src/metric-table.ts";
import { metricsText } from "../src/metrics.ts";
import { ago, backupFact, facts, platform } from "./platform.ts";

const hostile = '=cmd|"x",\n\u001B[2J<b>\\';

test("text: what is wrong first, a line for each database, then the whole", () => {
  const text = formatMasterReport(masterReport(platform()));
  expect(text.split("\n")[0]).toBe("✗ Something is wrong (2026-11-23 13:00, since 2026-10-24 13:00)");
  expect(text).toContain("✗ No good backup of chromadb for 35 h 2 min");
  expect(text).toMatch(/^ {2}✓ {2}postgres {2}ok 2026-11-23 01:57 .* 11 h 2 min of 25 h .* proven 2026-11-18$/m);
  expect(text).toContain("118 backups: 12 restore, 70 structure, 35 checksum, 1 damaged");
  expect(text).toMatch(/grows by .* a day, full in \d+ days \(\d{4}-\d{2}-\d{2}\)/);
});

test("text: of nothing, and of a name that would command the terminal", () => {
  expect(formatMasterReport(masterReport(facts()))).toContain("no forecast (too little data: 0 of at least 3 days)");
  const text = formatMasterReport(
    masterReport(facts({ backups: [backupFact({ daysAgo: 5, database: hostile })], notes: [hostile] })),
  );
  expect(text).not.toContain("\u001B");
  expect(text).toContain('=cmd|"x",\uFFFD\uFFFD[2J<b>\\');
});

test("csv: a row for each backup, quoted, and no formula", () => {
  const csv = formatMasterCsv(
    masterReport(
      facts({
        backups: [
          backupFact({ daysAgo: 1, id: "one", pinned: hostile }),
          backupFact({
            daysAgo: 2,
            id: "two",
            plainBytes: 7,
            damage: { level: "checksum", at: ago(1) },
            proven: null,
            good: false,
          }),
        ],
      }),
    ),
  );
  expect(csv.split("\r\n")).toEqual([
    "database,backup,purpose,status,captured_at,ended_at,duration_ms,content_bytes,stored_bytes,empty,good,proven,proven_at,damaged,damaged_at,pinned,problem",
    `db,one,backup,ok,${ago(1)},2026-11-22T13:00:10.000Z,10000,104857600,31457280,false,true,structure,${ago(1)},,,"'=cmd|""x"",\uFFFD\uFFFD[2J<b>\\",`,
    `db,two,backup,ok,${ago(2)},2026-11-21T13:00:10.000Z,10000,7,31457280,false,false,,,checksum,${ago(1)},,`,
    "",
  ]);
});

test("metrics: seconds and bytes, a gap where nothing is known, and names that cannot break a line", async () => {
  const text = await metricsText(masterReport(platform()));
  expect(text).toContain('sutazai_backup_last_good_timestamp_seconds{database="postgres",kind="postgres"} 1795399056');
  expect(text).toContain('sutazai_backup_last_run_status{database="chromadb",kind="chromadb",status="failed"} 1');
  expect(text).toContain('sutazai_backup_last_run_status{database="chromadb",kind="chromadb",status="ok"} 0');
  expect(text).toContain('sutazai_backup_backups{database="faiss",kind="faiss",standing="damaged"} 1');
  expect(text).toContain('sutazai_backup_problems{severity="critical"} 2');
  expect(text).toContain('sutazai_backup_problem{cause="size:qdrant",severity="warning",database="qdrant"} 1');
  expect(text).toMatch(/^sutazai_backup_store_full_timestamp_seconds \d+/m);

  const nothing = await metricsText(
    masterReport(facts({ databases: [{ database: hostile, kind: "redis" }], freeBytes: null })),
  );
  expect(nothing).not.toMatch(
    /^sutazai_backup_(?:rto_seconds|store_free_bytes|store_full_timestamp_seconds|last_run_status)[ {]/m,
  );
  expect(nothing).toMatch(/^sutazai_backup_last_good_timestamp_seconds\{database="=cmd\|\\"x\\",\\n.*"\} 0$/m);
});

const docs = new URL("../../../docs/", import.meta.url);

test("what is documented is what there is: the schema, every metric, and none that is not", async () => {
  const schema: unknown = JSON.parse(await readFile(new URL("report.schema.json", docs), "utf8"));
  expect(schema).toEqual(JSON.parse(JSON.stringify(masterReportJsonSchema())));
  const names = metrics.map(({ name }) => `sutazai_backup_${name}`);
  const page = await readFile(new URL("report.md", docs), "utf8");
  for (const name of names) expect(page, name).toContain(`\`${name}`);
  for (const file of ["alert-rules.yaml", "alert-rules.test.yaml", "grafana-dashboard.json"]) {
    const text = await readFile(new URL(`monitoring/${file}`, docs), "utf8");
    for (const [used] of text.matchAll(/sutazai_backup_[a-z_]+/g)) expect(names, file).toContain(used);
  }
});
