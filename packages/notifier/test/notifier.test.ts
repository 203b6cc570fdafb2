import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BackupError, Secret } from "@sutazai/backup-core";
import { expect, test, vi } from "vitest";
import type { Notice } from "../src/index.ts";
import { Notifier } from "../src/index.ts";
import { LedgerDirectory } from "../src/ledger-directory.ts";
import { messageOf, notice, notifierWith, quickly, recordingChannel, resolved, scratch } from "./support.ts";

// Real files and processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const hour = 3_600_000;

/** A clock that stands still until it is set. */
function clock(): { now: () => Date; pass: (ms: number) => void } {
  let ms = Date.parse("2026-11-23T03:00:00.000Z");
  return { now: () => new Date(ms), pass: (by) => void (ms += by) };
}

const unreachable = (): Promise<never> => Promise.reject(new BackupError("connection", "nobody there"));

test("a cause is told once, and its end once", async () => {
  const channel = recordingChannel();
  const notifier = await notifierWith([channel]);
  const first = await notifier.notify([notice]);
  const second = await notifier.notify([notice]);
  const end = await notifier.notify([resolved]);
  const again = await notifier.notify([resolved]);
  expect(channel.messages.map(({ occasion }) => occasion)).toStrictEqual(["first", "resolved"]);
  expect(new Set(channel.messages.map(({ incident }) => incident)).size).toBe(1);
  expect(first.deliveries).toStrictEqual([
    {
      channel: "recorder",
      cause: notice.cause,
      state: "firing",
      occasion: "first",
      outcome: "delivered",
      attempts: 1,
      problems: [],
    },
  ]);
  expect(second.deliveries).toMatchObject([{ outcome: "skipped", why: expect.stringContaining("not yet time") }]);
  expect(end.deliveries).toMatchObject([{ outcome: "delivered", state: "resolved" }]);
  expect(again.deliveries).toMatchObject([{ outcome: "skipped", why: "it is not open here" }]);
  expect(await notifier.standing()).toStrictEqual([]);
});

test("what still holds is told again at the reminder interval, also where the schedule is a little early", async () => {
  const { now, pass } = clock();
  const channel = recordingChannel();
  const notifier = await notifierWith([channel], { now, reminderMs: 24 * hour });
  await notifier.notify([notice]);
  pass(12 * hour);
  await notifier.notify([notice]);
  expect(channel.messages.length).toBe(1);
  pass(12 * hour - 60_000);
  await notifier.notify([notice]);
  expect(channel.messages.map(({ occasion }) => occasion)).toStrictEqual(["first", "reminder"]);
});

test("a clock that was set back does not silence reminders", async () => {
  const { now, pass } = clock();
  const channel = recordingChannel();
  const notifier = await notifierWith([channel], { now });
  await notifier.notify([notice]);
  pass(-1000 * hour);
  await notifier.notify([notice]);
  expect(channel.messages.length).toBe(2);
});

test("what becomes more urgent is told at once; what becomes less so is not", async () => {
  const channel = recordingChannel();
  const notifier = await notifierWith([channel]);
  await notifier.notify([{ ...notice, severity: "warning" }]);
  await notifier.notify([{ ...notice, severity: "critical" }]);
  await notifier.notify([{ ...notice, severity: "warning" }]);
  expect(channel.messages.map(({ occasion }) => occasion)).toStrictEqual(["first", "escalation"]);
});

test("notices are routed by severity and cause; an end goes where the beginning went", async () => {
  const all = recordingChannel({ name: "all", routing: { minimumSeverity: "info" } });
  const urgent = recordingChannel({ name: "urgent", routing: { minimumSeverity: "critical" } });
  const backups = recordingChannel({ name: "backups", routing: { causes: ["backup-*"], exceptCauses: ["*:redis"] } });
  const notifier = await notifierWith([all, urgent, backups]);
  const given: Notice[] = [
    { ...notice, severity: "info" },
    { ...notice, cause: "drill-overdue:postgres", severity: "warning" },
    { ...notice, cause: "backup-failed:redis" },
    { ...notice, cause: "backup-partial:postgres", severity: "warning" },
  ];
  await notifier.notify(given);
  await notifier.notify(given.map((one) => ({ ...one, state: "resolved", severity: "info" })));
  const causes = (channel: typeof all) =>
    channel.messages.map((sent) => `${sent.occasion} ${sent.notice.cause}`).sort();
  expect(causes(all)).toStrictEqual(given.flatMap(({ cause }) => [`first ${cause}`, `resolved ${cause}`]).sort());
  expect(causes(urgent)).toStrictEqual(["first backup-failed:redis", "resolved backup-failed:redis"]);
  expect(causes(backups)).toStrictEqual(["first backup-partial:postgres", "resolved backup-partial:postgres"]);
});

test("an event is told, opens nothing, and goes to no channel for incidents", async () => {
  const mail = recordingChannel({ name: "mail" });
  const pager = recordingChannel({ name: "pager", takes: { again: true, resolved: true, event: false } });
  const notifier = await notifierWith([mail, pager]);
  await notifier.notify([{ ...notice, state: "event", cause: "restore-done:1" }]);
  await notifier.notify([{ ...notice, state: "event", cause: "restore-done:2" }]);
  expect([mail.messages.length, pager.messages.length]).toStrictEqual([2, 0]);
  expect(await notifier.standing()).toStrictEqual([]);
});

test("an event that could not be told within a week is given up; what is wrong is not", async () => {
  const { now, pass } = clock();
  const notifier = await notifierWith([recordingChannel({ deliver: unreachable })], { now });
  await notifier.notify([notice, { ...notice, state: "event", cause: "restore-done:1" }]);
  pass(8 * 24 * hour);
  const { deliveries } = await notifier.notify([]);
  expect(deliveries).toMatchObject([
    { cause: "restore-done:1", outcome: "skipped", why: expect.stringContaining("given up") },
    { cause: notice.cause, outcome: "failed" },
  ]);
  expect(await notifier.standing()).toMatchObject([{ cause: notice.cause }]);
});

test("what failed is in the report, kept, and sent with the next call; other channels are not held up", async () => {
  let isUp = false;
  const broken = recordingChannel({ name: "broken", deliver: () => (isUp ? Promise.resolve({}) : unreachable()) });
  const fine = recordingChannel({ name: "fine" });
  const stateDir = await scratch();
  const options = { channels: [broken, fine], stateDir, retries: quickly };
  const { deliveries } = await new Notifier(options).notify([notice]);
  expect(deliveries.find(({ channel }) => channel === "broken")).toMatchObject({
    outcome: "failed",
    attempts: quickly.attempts,
    error: { reason: "connection", message: "nobody there" },
  });
  expect(await new Notifier(options).standing()).toMatchObject([
    {
      channel: "broken",
      undelivered: { state: "firing", attempts: quickly.attempts, lastError: { reason: "connection" } },
    },
    { channel: "fine", toldAt: expect.any(String) },
  ]);
  isUp = true;
  const later = await new Notifier(options).notify([]);
  expect(later.deliveries).toMatchObject([{ channel: "broken", outcome: "delivered", state: "firing" }]);
  expect(new Set(broken.messages.map(({ id }) => id)).size).toBe(1);
  expect(fine.messages.length).toBe(1);
  expect((await new Notifier(options).notify([])).deliveries).toStrictEqual([]);
});

test("an end that came while the beginning could not be delivered is told all the same: what got through is not certain", async () => {
  let isUp = false;
  const channel = recordingChannel({ deliver: () => (isUp ? Promise.resolve({}) : unreachable()) });
  const notifier = await notifierWith([channel]);
  await notifier.notify([notice]);
  isUp = true;
  const { deliveries } = await notifier.notify([resolved]);
  expect(deliveries).toMatchObject([{ outcome: "delivered", state: "resolved" }]);
  expect(await notifier.standing()).toStrictEqual([]);
});

test("what begins again while its end could not be delivered is told at once", async () => {
  let isUp = true;
  const channel = recordingChannel({ deliver: () => (isUp ? Promise.resolve({}) : unreachable()) });
  const notifier = await notifierWith([channel]);
  await notifier.notify([notice]);
  isUp = false;
  await notifier.notify([resolved]);
  isUp = true;
  await notifier.notify([notice]);
  expect(channel.messages.at(-1)).toMatchObject({ occasion: "first", notice: { state: "firing" } });
});

test("what cannot be mended by waiting is tried once a call", async () => {
  const channel = recordingChannel({
    deliver: () => Promise.reject(new BackupError("authentication", "wrong password")),
  });
  const notifier = await notifierWith([channel]);
  const { deliveries } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "failed", attempts: 1, error: { reason: "authentication" } }]);
});

test("one message that never gets through does not keep others from it", async () => {
  const channel = recordingChannel({
    deliver: ({ notice: { cause } }) => (cause === "poison" ? unreachable() : Promise.resolve({})),
  });
  const notifier = await notifierWith([channel], {
    timeLimitMs: 800,
    retries: { attempts: 100, firstPauseMs: 50, longestPauseMs: 50 },
  });
  await notifier.notify([{ ...notice, cause: "poison" }]);
  const { deliveries } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([
    { cause: notice.cause, outcome: "delivered" },
    { cause: "poison", outcome: "failed" },
  ]);
});

test("where a channel is down, what comes after the first message is tried once", async () => {
  const channel = recordingChannel({ deliver: unreachable });
  const { deliveries } = await (await notifierWith([channel])).notify([notice, { ...notice, cause: "store-full" }]);
  expect(deliveries).toMatchObject([
    { outcome: "failed", attempts: quickly.attempts },
    { outcome: "failed", attempts: 1 },
  ]);
});

test("a channel that hangs and heeds nothing is left behind at the time limit, and what was not tried is reported", async () => {
  const hanging = recordingChannel({ name: "hanging", deliver: () => new Promise(() => undefined) });
  const fine = recordingChannel({ name: "fine" });
  const notifier = await notifierWith([hanging, fine], { timeLimitMs: 1500 });
  const { deliveries } = await notifier.notify([notice, { ...notice, cause: "store-full" }]);
  expect(deliveries.filter(({ outcome }) => outcome === "delivered").length).toBe(2);
  expect(deliveries.filter(({ channel }) => channel === "hanging")).toMatchObject([
    { outcome: "failed", attempts: 1, error: { reason: "timeout" } },
    { outcome: "failed", attempts: 0, error: { reason: "timeout" } },
  ]);
});

test("a cancelled call records everything and sends nothing", async () => {
  const channel = recordingChannel();
  const notifier = await notifierWith([channel]);
  const { deliveries } = await notifier.notify([notice], { signal: AbortSignal.abort() });
  expect(deliveries).toMatchObject([{ outcome: "failed", attempts: 0, error: { reason: "cancelled" } }]);
  expect(channel.messages).toStrictEqual([]);
  await notifier.notify([]);
  expect(channel.messages.length).toBe(1);
});

test("a channel that throws something else than errors is a failed channel", async () => {
  const channel = recordingChannel({
    deliver: () => {
      throw "odd"; // oxlint-disable-line no-throw-literal
    },
  });
  const { deliveries } = await (await notifierWith([channel])).notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "failed", error: { reason: "unknown", message: "odd" } }]);
});

test("recipients that have it are left out, until there is something new for them", async () => {
  const channel = recordingChannel({
    deliver: () =>
      Promise.reject(new BackupError("refused", "one put off", { details: { served: ["ops@example.org"] } })),
  });
  const { now, pass } = clock();
  const notifier = await notifierWith([channel], { now });
  const warning: Notice = { ...notice, severity: "warning" };
  await notifier.notify([warning]);
  await notifier.notify([warning]);
  await notifier.notify([notice]);
  await notifier.notify([notice]);
  pass(24 * hour);
  await notifier.notify([notice]);
  await notifier.notify([resolved]);
  expect(channel.messages.map(({ served }) => served.length)).toStrictEqual([0, 1, 0, 1, 0, 0]);
});

test("a receiver that asks to wait is left alone until then, across processes", async () => {
  const { now, pass } = clock();
  let isUp = false;
  const channel = recordingChannel({
    deliver: () =>
      isUp
        ? Promise.resolve({})
        : Promise.reject(new BackupError("connection", "busy", { details: { retryAfterMs: 600_000 } })),
  });
  const options = { channels: [channel], stateDir: await scratch(), now, retries: quickly };
  const { deliveries } = await new Notifier(options).notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "failed", attempts: 1 }]);
  isUp = true;
  expect((await new Notifier(options).notify([])).deliveries).toMatchObject([{ outcome: "failed", attempts: 0 }]);
  pass(600_001);
  expect((await new Notifier(options).notify([])).deliveries).toMatchObject([{ outcome: "delivered" }]);
});

test("where the state cannot be written, everything is told all the same, and put in order afterwards", async () => {
  const stateDir = join(await scratch(), "state");
  await writeFile(stateDir, "a file in the way");
  const channel = recordingChannel();
  const notifier = new Notifier({ channels: [channel], stateDir, retries: quickly });
  const { deliveries, warnings } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "delivered" }]);
  expect(warnings).toStrictEqual([expect.stringContaining("cannot be recorded")]);
  await notifier.notify([notice]);
  expect(channel.messages.length).toBe(1);
  await rm(stateDir);
  const later = await notifier.notify([]);
  expect(later.warnings).toStrictEqual([]);
  expect(await new Notifier({ channels: [channel], stateDir }).standing()).toMatchObject([{ cause: notice.cause }]);
});

test("what ended while the disk was full is not open any more when it can be written again", async () => {
  const channel = recordingChannel();
  const options = { channels: [channel], stateDir: await scratch(), retries: quickly };
  const notifier = new Notifier(options);
  await notifier.notify([notice]);
  const full = vi
    .spyOn(LedgerDirectory.prototype, "update")
    .mockRejectedValue(new BackupError("no-space", "disk full"));
  const { warnings } = await notifier.notify([resolved, { ...notice, cause: "store-full" }]);
  full.mockRestore();
  expect(warnings).toStrictEqual([expect.stringContaining("disk full")]);
  await notifier.notify([]);
  expect(await new Notifier(options).standing()).toMatchObject([{ cause: "store-full" }]);
  await new Notifier(options).notify([notice]);
  expect(channel.messages.map(({ occasion }) => occasion)).toStrictEqual(["first", "resolved", "first", "first"]);
});

test("a damaged state is begun anew, with a warning: told twice rather than never", async () => {
  const stateDir = await scratch();
  const channel = recordingChannel();
  const notifier = new Notifier({ channels: [channel], stateDir, retries: quickly });
  await notifier.notify([notice]);
  const newest =
    (await readdir(stateDir))
      .filter((name) => name.startsWith("notices-"))
      .sort()
      .at(-1) ?? "";
  await writeFile(join(stateDir, newest), "{ damaged");
  const { warnings } = await notifier.notify([notice]);
  expect(warnings).toStrictEqual([expect.stringContaining("is damaged")]);
  expect(channel.messages.length).toBe(2);
  expect((await notifier.notify([notice])).warnings).toStrictEqual([]);
});

test("no secret is said, stored or reported, plain or encoded", async () => {
  const secrets = [new Secret("hunter2/ä?"), new Secret("channel-token")];
  const [password, token] = secrets.map((secret) => secret.reveal()) as [string, string];
  const channel = recordingChannel({
    secrets: secrets.slice(1),
    deliver: () =>
      Promise.reject(new BackupError("refused", `no: ${token}`, { details: { said: [password], retryAfterMs: 5 } })),
  });
  const stateDir = await scratch();
  const notifier = new Notifier({ channels: [channel], stateDir, secrets: secrets.slice(0, 1), retries: quickly });
  const leaking: Notice = {
    ...notice,
    title: `failed for ${password}`,
    what: `cannot reach postgres://app:${encodeURIComponent(password)}@db`,
    action: `use ${token}`,
    facts: { columns: ["password"], rows: [[password]] },
    report: `https://example.org/?token=${token}`,
  };
  const report = await notifier.notify([leaking]);
  const stored = await Promise.all((await readdir(stateDir)).map((name) => readFile(join(stateDir, name), "utf8")));
  const everything = JSON.stringify([channel.messages, report, stored, await notifier.standing()]);
  expect(everything).toContain("**redacted**");
  const odd = recordingChannel({ deliver: () => Promise.resolve({ problems: [`saw ${password}`] }) });
  const told = await (await notifierWith([odd], { secrets })).notify([notice]);
  expect(told.deliveries).toMatchObject([{ problems: ["saw **redacted**"] }]);
  for (const text of [password, encodeURIComponent(password), token]) expect(everything).not.toContain(text);
});

test("the test sends one of each to every channel, whatever it is for, closes what it opened, and records nothing", async () => {
  const mail = recordingChannel({ name: "mail", routing: { minimumSeverity: "critical" } });
  const tickets = recordingChannel({ name: "tickets", deliver: () => Promise.resolve({ reference: "T-1" }) });
  const deaf = recordingChannel({ name: "deaf", takes: { again: false, resolved: false, event: false } });
  const notifier = await notifierWith([mail, tickets, deaf]);
  const { deliveries } = await notifier.test();
  expect(deliveries.every(({ outcome }) => outcome === "delivered")).toBe(true);
  expect(mail.messages.map(({ occasion }) => occasion)).toStrictEqual(["first", "resolved"]);
  expect(tickets.messages.at(-1)).toMatchObject({ occasion: "resolved", reference: "T-1" });
  expect(deaf.messages.length).toBe(1);
  expect(await notifier.standing()).toStrictEqual([]);
});

test("a reference is handed back when the incident is closed, also by another process", async () => {
  const channel = recordingChannel({
    deliver: ({ occasion }) => Promise.resolve(occasion === "first" ? { reference: "T-7" } : {}),
  });
  const options = { channels: [channel], stateDir: await scratch() };
  await new Notifier(options).notify([notice]);
  await new Notifier(options).notify([resolved]);
  expect(channel.messages.at(-1)).toMatchObject({ occasion: "resolved", reference: "T-7" });
});

test("keys tell installations apart and stay within what pagers take", async () => {
  const channel = recordingChannel();
  const long = "x".repeat(400);
  await (
    await notifierWith([channel])
  ).notify([notice, { ...notice, cause: `${long}1` }, { ...notice, cause: `${long}2` }]);
  const keys = channel.messages.map(({ key }) => key);
  expect(keys[0]).toBe(messageOf().key);
  expect(new Set(keys).size).toBe(3);
  expect(keys.every(({ length }) => length <= 255)).toBe(true);
});

test("two channels of one name are refused", () => {
  const channels = [recordingChannel(), recordingChannel()];
  expect(() => new Notifier({ channels, stateDir: "/nowhere" })).toThrow("two channels are called recorder");
});
