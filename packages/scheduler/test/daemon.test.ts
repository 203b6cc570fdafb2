import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BackupError, currentProcess } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Daemon, RunHistory, serveHealth, type Clock, type DaemonEvent, type DaemonTask } from "../src/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "daemon-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** Time that passes only while somebody sleeps, until its end: then the daemon is told to stop. */
class FakeClock implements Clock {
  readonly #end: number;
  readonly #stop: AbortController;
  #at: number;
  constructor(from: string, to: string, stop: AbortController) {
    this.#at = Date.parse(from);
    this.#end = Date.parse(to);
    this.#stop = stop;
  }
  now = () => new Date(this.#at);
  sleep = async (ms: number) => this.pass(ms);
  pass(ms: number): void {
    this.#at += ms;
    if (this.#at >= this.#end) this.#stop.abort();
  }
}

interface Simulated {
  readonly name: string;
  readonly expression: string;
  readonly timeZone?: string;
  readonly jitterMs?: number;
  readonly minutes?: number;
  readonly atOnce?: boolean;
  readonly evidence?: string;
  readonly fails?: (count: number) => boolean;
}

/** Runs a daemon from one moment to another, and returns when each task began, as `task MM-DDTHH:MM`. */
async function simulate(from: string, to: string, ...simulated: readonly Simulated[]) {
  const stop = new AbortController();
  const clock = new FakeClock(from, to, stop);
  const began: string[] = [];
  const events: DaemonEvent[] = [];
  const tasks = simulated.map(
    ({ name, expression, timeZone = "UTC", jitterMs = 0, minutes = 0, atOnce, evidence, fails }): DaemonTask => ({
      name,
      describe: name,
      schedule: { expression, timeZone },
      jitterMs,
      atOnce: atOnce ?? false,
      ...(evidence !== undefined && {
        evidence: async () => {
          if (evidence === "fails") throw new BackupError("connection", "nobody answers");
          return new Date(evidence);
        },
      }),
      run: async ({ count }) => {
        began.push(`${name} ${clock.now().toISOString().slice(5, 16)}`);
        clock.pass(minutes * 60_000);
        if (fails?.(count) === true) throw new BackupError("connection", "gone");
        return { status: "ok" };
      },
    }),
  );
  const problems: string[] = [];
  const history = new RunHistory(
    directory,
    () => clock.now(),
    (problem) => problems.push(problem),
  );
  const daemon = new Daemon({ tasks, history, host: "host", clock, onEvent: (event) => events.push(event) });
  await daemon.run({ signal: stop.signal });
  return { began, events, problems, standings: daemon.standings() };
}

describe("through a change of the clocks", () => {
  const nightly = { name: "backup", expression: "30 2 * * *", timeZone: "Europe/Berlin" };
  const hourly = { name: "backup", expression: "0 * * * *", timeZone: "Europe/Berlin" };

  test("forward: none skipped, none twice", async () => {
    const { began } = await simulate("2027-03-26T12:00Z", "2027-03-30T12:00Z", nightly);
    expect(began).toEqual(["03-27T01:30", "03-28T01:00", "03-29T00:30", "03-30T00:30"].map((at) => `backup ${at}`));
  });

  test("back: none skipped, none twice", async () => {
    const { began } = await simulate("2026-10-23T12:00Z", "2026-10-27T12:00Z", nightly);
    expect(began).toEqual(["10-24T00:30", "10-25T00:30", "10-26T01:30", "10-27T01:30"].map((at) => `backup ${at}`));
  });

  test("hourly: every hour in both directions", async () => {
    for (const [from, to] of [
      ["2027-03-28T00:00Z", "2027-03-28T05:30Z"],
      ["2026-10-25T00:00Z", "2026-10-25T05:30Z"],
    ] as const) {
      await rm(directory, { recursive: true });
      const { began } = await simulate(from, to, hourly);
      expect(began.map((each) => each.slice(-5))).toEqual(["01:00", "02:00", "03:00", "04:00", "05:00"]);
    }
  });
});

test("one at a time: what is late because another takes long runs once, after it", async () => {
  const { began } = await simulate(
    "2026-11-23T09:30Z",
    "2026-11-23T14:10Z",
    { name: "backup", expression: "0 * * * *" },
    { name: "drill", expression: "30 10 * * *", minutes: 170 },
  );
  expect(began).toEqual(["backup 11-23T10:00", "drill 11-23T10:30", "backup 11-23T13:20", "backup 11-23T14:00"]);
});

describe("after downtime", () => {
  const daily = { name: "backup", expression: "0 4 * * *" };

  test("what was missed runs at once, one time", async () => {
    expect((await simulate("2026-11-20T03:00Z", "2026-11-20T05:00Z", daily)).began).toEqual(["backup 11-20T04:00"]);
    const { began, events } = await simulate("2026-11-23T10:00Z", "2026-11-24T05:00Z", daily);
    expect(began).toEqual(["backup 11-23T10:00", "backup 11-24T04:00"]);
    expect(events[0]).toMatchObject({ type: "scheduled", missed: true });
  });

  test("what was not missed waits for its time, also after a failure", async () => {
    await simulate("2026-11-23T03:00Z", "2026-11-23T05:00Z", { ...daily, fails: () => true });
    expect((await simulate("2026-11-23T06:00Z", "2026-11-24T05:00Z", daily)).began).toEqual(["backup 11-24T04:00"]);
  });

  test("where nothing is remembered, the results tell", async () => {
    const old = await simulate("2026-11-23T10:00Z", "2026-11-23T11:00Z", { ...daily, evidence: "2026-11-21T04:00Z" });
    expect(old.began).toEqual(["backup 11-23T10:00"]);
    await rm(directory, { recursive: true });
    const fresh = { ...daily, evidence: "2026-11-23T04:00Z", atOnce: true };
    expect((await simulate("2026-11-23T10:00Z", "2026-11-23T11:00Z", fresh)).began).toEqual([]);
  });

  test("what never ran begins at once where it is to, else at its time", async () => {
    const first = await simulate(
      "2026-11-23T10:00Z",
      "2026-11-23T11:00Z",
      { ...daily, atOnce: true },
      { ...daily, name: "drill" },
    );
    expect(first.began).toEqual(["backup 11-23T10:00"]);
  });
});

describe("goes on", () => {
  const hourly = { name: "backup", expression: "0 * * * *" };

  test("where nothing can be remembered: at its times, and tells that", async () => {
    await writeFile(join(directory, "not-a-directory"), "");
    directory = join(directory, "not-a-directory");
    const { began, problems, standings } = await simulate("2026-11-23T09:30Z", "2026-11-23T12:10Z", hourly);
    directory = dirname(directory);
    expect(began).toEqual(["backup 11-23T10:00", "backup 11-23T11:00", "backup 11-23T12:00"]);
    expect(standings[0]).toMatchObject({ last: { status: "ok" }, lastSuccess: "2026-11-23T12:00:00.000Z" });
    expect(problems.length).toBeGreaterThan(0);
    expect(new Set(problems.map((problem) => problem.split(":")[0]))).toEqual(
      new Set(["what scheduled runs came to cannot be read", "what scheduled runs came to cannot be written"]),
    );
  });

  test("where the results do not tell: what is to begin at once begins", async () => {
    const unknown = { ...hourly, atOnce: true, evidence: "fails" };
    const { began, events } = await simulate("2026-11-23T09:30Z", "2026-11-23T10:10Z", unknown);
    expect(began).toEqual(["backup 11-23T09:30", "backup 11-23T10:00"]);
    expect(events[0]).toEqual({ type: "task-unknown", task: "backup", problem: "nobody answers" });
  });
});

test("a delay is the same every time, and never more than the jitter", async () => {
  const jittered = { name: "backup", expression: "0 * * * *", jitterMs: 30 * 60_000 };
  const { events } = await simulate("2026-11-23T09:30Z", "2026-11-23T13:00Z", jittered);
  const next = events.flatMap((event) =>
    event.type === "scheduled" ? [Date.parse(event.next ?? "") % 3_600_000] : [],
  );
  expect(new Set(next).size).toBe(1);
  expect(next[0]).toBeGreaterThan(0);
  expect(next[0]).toBeLessThan(30 * 60_000);
});

test("failures are remembered, and a task is overdue until it goes well again", async () => {
  const failing = { name: "backup", expression: "0 * * * *", fails: () => true };
  const { standings } = await simulate("2026-11-23T09:30Z", "2026-11-23T12:10Z", failing);
  expect(standings[0]).toMatchObject({
    last: { status: "failed", problem: "connection: gone" },
    lastSuccess: undefined,
    overdueSince: "2026-11-23T10:30:00.000Z",
  });
  const mended = await simulate("2026-11-23T12:20Z", "2026-11-23T13:10Z", { ...failing, fails: () => false });
  expect(mended.standings[0]).toMatchObject({ last: { status: "ok" }, lastSuccess: "2026-11-23T13:00:00.000Z" });
  expect(mended.standings[0]?.overdueSince).toBeUndefined();
});

describe("told to end", () => {
  /** A task that runs until it is cancelled, or released. */
  function endless() {
    const started = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const task: DaemonTask = {
      name: "backup",
      describe: "",
      schedule: { expression: "0 0 1 1 *", timeZone: "UTC" },
      jitterMs: 0,
      atOnce: true,
      run: async ({ signal }) => {
        started.resolve();
        const cancelled = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        await Promise.race([release.promise, cancelled]);
        return { status: signal.aborted ? "cancelled" : "ok" };
      },
    };
    return { task, started: started.promise, release: release.resolve };
  }

  test.each([
    ["what runs is cancelled", 0, false, "cancelled"],
    ["what runs comes to its end within its grace", 600_000, true, "ok"],
    ["what runs is cancelled after its grace", 20, false, "cancelled"],
  ])("%s", async (_, graceMs, isReleased, expected) => {
    const { task, started, release } = endless();
    const stop = new AbortController();
    const history = new RunHistory(directory);
    const ended = new Daemon({ tasks: [task], history, host: "host" }).run({ signal: stop.signal, graceMs });
    await started;
    stop.abort();
    if (isReleased) release();
    await ended;
    expect((await history.read("backup"))?.last?.status).toBe(expected);
    expect(await readdir(directory)).toEqual(["backup.json"]);
  });

  test("it shows until then that it sees to its tasks, and since when one runs", async () => {
    const { task, started } = endless();
    const stop = new AbortController();
    const daemon = new Daemon({ tasks: [task], history: new RunHistory(directory), host: "host" });
    const ended = daemon.run({ signal: stop.signal });
    await started;
    const other = new RunHistory(directory);
    expect(await other.attendant("backup")).toMatchObject({
      isAlive: true,
      by: expect.stringContaining(`${process.pid}`),
    });
    expect(await other.attendant("drill")).toBeUndefined();
    const [standing] = daemon.standings();
    expect(standing?.isRunning).toBe(true);
    // It takes hold of the task at the moment at which it says that it runs.
    const since = Date.parse((await other.running("backup"))?.since ?? "");
    expect(Math.abs(Date.parse(standing?.runningSince ?? "") - since)).toBeLessThan(60_000);
    stop.abort();
    await ended;
    expect(await other.attendant("backup")).toBeUndefined();
    expect(await other.running("backup")).toBeUndefined();
  });

  test("while nothing runs, it ends at once", async () => {
    const stop = new AbortController();
    const task = { ...endless().task, atOnce: false };
    const daemon = new Daemon({ tasks: [task], history: new RunHistory(directory), host: "host" });
    const ended = daemon.run({ signal: stop.signal });
    stop.abort();
    await ended;
    expect(daemon.standings()).toMatchObject([{ isRunning: false, last: undefined }]);
  });
});

describe("history", () => {
  test("two never run the same", async () => {
    const history = new RunHistory(directory);
    {
      await using begun = await history.begin("drill");
      expect(begun).toBeDefined();
      expect(await new RunHistory(directory).begin("drill")).toBeUndefined();
      expect(await history.runner("drill")).toContain(`process ${process.pid}`);
      await using other = await history.begin("backup");
      expect(other).toBeDefined();
    }
    await using again = await history.begin("drill");
    expect(again).toBeDefined();
  });

  test("what a dead process left does not stand in the way", async () => {
    const dead = { host: "gone", bootId: "x", pidNamespace: "", pid: 1, startTime: "1" };
    await writeFile(join(directory, "drill.running"), JSON.stringify(dead));
    const history = new RunHistory(directory);
    expect(await history.runner("drill")).toBeUndefined();
    await using begun = await history.begin("drill");
    expect(begun).toBeDefined();
  });

  test("a daemon that died is known, and stands in the way of none", async () => {
    const { startTime: _, ...self } = await currentProcess();
    await writeFile(join(directory, "drill.daemon"), JSON.stringify({ ...self, startTime: "1" }));
    const history = new RunHistory(directory);
    expect(await history.attendant("drill")).toMatchObject({ isAlive: false });
    await using _attended = await history.attend("drill");
    expect(await history.attendant("drill")).toMatchObject({ isAlive: true });
  });

  test.each([
    ["large", 2 * 1024 * 1024, ["drill.json", "drill.log.1"]],
    ["small", 100, ["drill.json", "drill.log"]],
  ])("a %s log of cron's is turned over when it has to be", async (_, size, expected) => {
    await writeFile(join(directory, "drill.log"), "x".repeat(size));
    await using begun = await new RunHistory(directory).begin("drill");
    const at = new Date().toISOString();
    await begun?.end({ startedAt: at, endedAt: at, status: "ok" });
    expect((await readdir(directory)).filter((name) => name !== "drill.running")).toEqual(expected);
  });

  test("one that cannot be read is begun anew", async () => {
    await writeFile(join(directory, "drill.json"), "{");
    expect(await new RunHistory(directory).open("drill")).toMatchObject({ runs: 0 });
    expect(await readFile(join(directory, "drill.json"), "utf8")).toContain('"since"');
  });
});

test("the health endpoint", async () => {
  const standing = {
    task: "backup",
    schedule: "0 * * * *",
    timeZone: "UTC",
    isRunning: false,
    runningSince: undefined,
    next: undefined,
    last: undefined,
    lastSuccess: undefined,
  };
  let overdueSince: string | undefined;
  await using server = await serveHealth({
    port: 0,
    standings: () => [{ ...standing, overdueSince }],
    metrics: () => "up 1\n",
  });
  const ask = async (path: string, method = "GET") => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  expect(await ask("/healthz")).toMatchObject({ status: 200, text: expect.stringContaining('"status":"ok"') });
  overdueSince = "2026-11-23T10:30:00.000Z";
  expect(await ask("/healthz")).toMatchObject({ status: 503, text: expect.stringContaining(overdueSince) });
  expect(await ask("/metrics")).toEqual({ status: 200, text: "up 1\n" });
  expect((await ask("/healthz", "POST")).status).toBe(405);
  expect((await ask("/other")).status).toBe(404);
  await expect(serveHealth({ port: server.port, standings: () => [] })).rejects.toMatchObject({
    reason: "configuration",
    hint: expect.stringContaining("--port"),
  });
});
