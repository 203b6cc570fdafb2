import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BackupError, type ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  createBackupSystem,
  formatSelfTest,
  keepSelfTest,
  loadConfig,
  localStore,
  runSelfTest,
  selfTestDirectory,
  type SelfTestOptions,
  type SelfTestReport,
} from "../../src/index.ts";
import { layers, pass, type Check } from "../../src/self-test/check.ts";
import { checks } from "../../src/self-test/table.ts";
import { daily, fabricate } from "../fabricated-store.ts";
import { FakeDatabase } from "../fake-database.ts";

let root: string;
let one: FakeDatabase;
const sent: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "self-test-"));
  one = new FakeDatabase("one", ["a", "b"]);
  sent.length = 0;
});
afterEach(() => rm(root, { recursive: true, force: true }));

const containers = {
  capabilities: { pause: false, stop: false, archive: false, sidecar: false, volumes: false },
  list: async () => [],
  removeOrphans: async () => ["container of nobody"],
} as unknown as ContainerRuntime;

const store = () => localStore({ path: join(root, "store"), compression: "none" });

/** What would be looked at: the fake database and the store, with no scheduler but what is given. */
function subjectOf(changes: Partial<SelfTestOptions> = {}): SelfTestOptions {
  return {
    containers,
    environment: {},
    workingDirectory: root,
    open: async () => {
      const flags = { dir: join(root, "store"), stateDir: join(root, "state"), databases: {} };
      const config = await loadConfig(containers, { environment: {}, workingDirectory: root, flags });
      const system = createBackupSystem({
        databases: [one],
        store: store(),
        containers,
        stateDirectory: join(root, "state"),
      });
      return {
        system,
        config: { ...config, adapters: [one] },
        sendTest: async () => {
          sent.push("test");
          return [{ channel: "pager", problem: "nobody answers" }];
        },
      };
    },
    scheduler: async () => ({ by: null, tasks: [], isWanted: true, wanted: ["backup"] }),
    ...changes,
  };
}

const statusOf = ({ checks: found }: SelfTestReport, id: string, database: string | null = null) =>
  found.find((check) => check.id === id && (check.database ?? null) === database)?.status;

test("there are more than forty checks, each with a name of its own, in every layer", () => {
  const ids = checks.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThanOrEqual(40);
  expect(new Set(checks.map(({ layer }) => layer))).toEqual(new Set(layers));
  expect(checks.filter(({ id, layer }) => !id.startsWith(`${layer}.`))).toEqual([]);
});

describe("a dry run", () => {
  test("touches nothing, and passes nothing that it did not look at", async () => {
    const before = await readdir(root, { recursive: true });
    const report = await runSelfTest(subjectOf({ dryRun: true }));
    expect(await readdir(root, { recursive: true })).toEqual(before);
    expect(one.calls).toEqual(["probe"]);
    expect(sent).toEqual([]);
    expect(report.checks.length).toBe(checks.length);
    for (const { id, effect } of checks.filter((check) => check.effect !== undefined)) {
      const found = report.checks.find((check) => check.id === id);
      expect([id, effect, found?.status]).toEqual([id, effect, "skip"]);
      expect(found?.message).toContain("a dry run touches nothing");
    }
    expect(statusOf(report, "connectivity.server", "one")).toBe("pass");
    expect(statusOf(report, "store.readable")).toBe("skip");
    expect(report.checks.filter(({ status, hint }) => ["warn", "fail"].includes(status) && hint === undefined)).toEqual(
      [],
    );
  });

  test("where no configuration can be used: one failure says why, the rest is skipped for it", async () => {
    await writeFile(join(root, "sutazai-backup.config.yaml"), "paralel: 3\n");
    const report = await runSelfTest(
      subjectOf({
        dryRun: true,
        open: () => loadConfig(containers, { workingDirectory: root, environment: {} }) as never,
      }),
    );
    const found = report.checks.find(({ id }) => id === "configuration.settings");
    expect(found).toMatchObject({ status: "fail", message: expect.stringContaining('did you mean "parallel"?') });
    expect(statusOf(report, "configuration.file")).toBe("pass");
    expect(report.checks.filter(({ status }) => status === "fail").map(({ id }) => id)).toEqual([
      "configuration.settings",
    ]);
    expect(statusOf(report, "journal.clean")).toBe("skip");
    expect(report.status).toBe("failed");
  });
});

describe("a store with a past", () => {
  test("is whole, fresh, and as its log tells", async () => {
    await fabricate(store(), daily(5, { database: "one" }));
    const report = await runSelfTest(subjectOf({ dryRun: true }));
    for (const id of ["backups.there", "backups.fresh", "backups.integrity", "backups.undamaged"]) {
      expect([id, statusOf(report, id, "one")]).toEqual([id, "pass"]);
    }
    for (const id of [
      "store.there",
      "store.log",
      "store.unchanged",
      "store.readable",
      "permissions.store",
      "clock.ahead",
    ]) {
      expect([id, statusOf(report, id)]).toEqual([id, "pass"]);
    }
    expect(statusOf(report, "backups.drilled", "one")).toBe("warn");
    expect(report).toMatchObject({ damaged: false, status: "ok", counts: { fail: 0 } });
  });

  test("one flipped byte, a mode, an old backup: each fails by its own check", async () => {
    const [made] = await fabricate(store(), [{ database: "one", daysAgo: 3 }]);
    const names = await readdir(join(root, "store"), { recursive: true });
    const file = join(
      root,
      "store",
      names.find((name) => name.includes(made?.id ?? "") && name.endsWith("lines.txt")) ?? "",
    );
    const content = await readFile(file);
    content[3] = (content[3] ?? 0) ^ 1;
    await writeFile(file, content);
    await chmod(join(root, "store"), 0o770);
    const report = await runSelfTest(subjectOf({ dryRun: true }));
    const failed = report.checks.filter(({ status }) => status === "fail").map(({ id }) => id);
    expect(failed).toEqual(["permissions.store", "backups.fresh", "backups.integrity"]);
    expect(report).toMatchObject({ damaged: true, status: "failed" });
    expect(formatSelfTest(report)).toMatch(/✗ one: The newest good backup is byte for byte .*\n {4}→ /);
  });

  test("a server that lets nobody in, a schedule that does not fire, something half done", async () => {
    await fabricate(store(), daily(2, { database: "one" }));
    await mkdir(join(root, "state", "journal"), { recursive: true });
    await mkdir(join(root, "state", "scratch", "999999999-abc"), { recursive: true });
    one.at("probe", () => {
      throw new BackupError("authentication", "WRONGPASS", { hint: "give the password" });
    });
    const schedule = { expression: "0 * * * *", timeZone: "UTC" };
    const tasks = [{ task: "backup", schedule, overdueSince: "2026-01-01T00:00:00.000Z", problem: null }];
    const report = await runSelfTest(
      subjectOf({ dryRun: true, scheduler: async () => ({ by: "cron", tasks, isWanted: true, wanted: ["backup"] }) }),
    );
    expect(report.checks.find(({ id }) => id === "connectivity.server")).toMatchObject({
      status: "fail",
      message: "authentication: WRONGPASS",
      hint: "give the password",
    });
    expect(statusOf(report, "connectivity.speed", "one")).toBe("skip");
    expect(statusOf(report, "schedule.installed")).toBe("pass");
    expect(statusOf(report, "schedule.firing")).toBe("fail");
    expect(statusOf(report, "schedule.complete")).toBe("warn");
    expect(statusOf(report, "leftovers.scratch")).toBe("warn");
  });
});

describe("a real test", () => {
  test("writes, locks, verifies and drills; leaves only its report; the next one compares", async () => {
    await fabricate(store(), daily(2, { database: "one" }));
    const seen: string[] = [];
    const options = subjectOf({ notify: true, onResult: ({ id }) => seen.push(id) });
    const report = await runSelfTest(options);
    expect(seen.length).toBe(report.checks.length);
    for (const id of ["store.ready", "store.writable", "locks.usable", "journal.writable", "performance.writing"]) {
      expect([id, statusOf(report, id)]).toEqual([id, "pass"]);
    }
    // The fake cannot be drilled: that is told, not passed over.
    expect(statusOf(report, "drill.restored", "one")).toBe("fail");
    expect(report.checks.find(({ id }) => id === "notifications.sent")).toMatchObject({
      status: "fail",
      message: "pager: nobody answers",
    });
    expect(statusOf(report, "leftovers.docker")).toBe("warn");
    const left = (await readdir(root, { recursive: true })).filter((name) => name.includes(".self-test-"));
    expect(left).toEqual([]);

    const settings = (await options.open()).config.settings;
    const { json, html } = await keepSelfTest(settings, report);
    expect(JSON.parse(await readFile(json, "utf8"))).toEqual(report);
    expect(await readFile(html, "utf8")).toMatch(/^<!doctype html>[\s\S]*checks failed/);
    const check = report.checks.find(({ id }) => id === "performance.writing");
    const fast = { ...report, checks: [{ ...check!, measured: (check?.measured ?? 0) * 1000 }] };
    for (const id of ["a", "b", "c"]) await keepSelfTest(settings, { ...fast, id });
    const performance = checks.filter(({ id }) => id === "performance.writing");
    const later = await runSelfTest({ ...options, checks: performance });
    expect(later.checks).toMatchObject([{ status: "warn", message: expect.stringContaining("usual are") }]);
    expect((await readdir(selfTestDirectory(settings))).length).toBe(8);
  });
});

describe("a check", () => {
  const check = (changes: Partial<Check>): Check =>
    ({ id: "tools.x", layer: "tools", title: "x", run: () => pass("looked"), ...changes }) as Check;
  const run = (found: readonly Check[], changes: Partial<SelfTestOptions> = {}) =>
    runSelfTest(subjectOf({ checks: found, ...changes }));

  test("that throws, or does not answer in time, is a failure and no end", async () => {
    const report = await run([
      check({
        id: "tools.throws",
        run: () => {
          throw new TypeError("broke");
        },
      }),
      check({ id: "tools.hangs", limit: 20, run: () => new Promise<never>(() => undefined) }),
      check({ id: "tools.well" }),
    ]);
    expect(report.checks).toMatchObject([
      { id: "tools.throws", status: "fail", message: "unknown: broke", hint: expect.any(String) },
      { id: "tools.hangs", status: "fail", message: "nothing was found out within 0.02 s" },
      { id: "tools.well", status: "pass" },
    ]);
    expect(report.counts).toEqual({ pass: 1, warn: 0, fail: 2, skip: 0 });
  });

  test("made when all is cancelled is skipped, and the test says that it was", async () => {
    const controller = new AbortController();
    const hangs = check({
      run: () => {
        controller.abort();
        return new Promise<never>(() => undefined);
      },
    });
    const report = await run([hangs, check({ id: "tools.later", alone: true })], { signal: controller.signal });
    expect(report.status).toBe("cancelled");
    expect(report.checks.map(({ status }) => status)).toEqual(["skip", "skip"]);
  });
});

test("docs/self-test.md tells of every check", async () => {
  const page = await readFile(new URL("../../../../docs/self-test.md", import.meta.url), "utf8");
  const told = [...page.matchAll(/^\| `([a-z-]+\.[a-z-]+)` +\| (.*?) +\|/gm)].map(([, id, title]) => [id, title]);
  expect(told).toEqual(checks.map(({ id, title }) => [id, title]));
});
