import { Secret } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { healthcheckChannel, type Ping } from "../../src/index.ts";
import { endOf, runUuid } from "../../src/channels/healthcheck.ts";
import { failureOf, never, notifierWith, says, startReceiver } from "../support.ts";

const check = "8f4f9b0e-5b0a-4c7f-9a51-0123456789ab";
const runId = "20261123T030000.000Z-rrrrrr";
const context = { signal: never };

test("start, success, fail and log of one run, with the end of the log", async () => {
  const { url, requests } = await startReceiver(says(200, "OK"));
  const channel = healthcheckChannel({ check: new Secret(check), endpoint: url });
  const events: readonly Ping["event"][] = ["start", "success", "fail", "log"];
  for (const event of events) await channel.ping({ event, runId, log: `line of ${event}` }, context);
  const rid = runUuid(runId);
  expect(rid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(requests.map(({ method, path, body }) => [method, path, body])).toStrictEqual([
    ["POST", `/${check}/start?rid=${rid}`, "line of start"],
    ["POST", `/${check}?rid=${rid}`, "line of success"],
    ["POST", `/${check}/fail?rid=${rid}`, "line of fail"],
    ["POST", `/${check}/log?rid=${rid}`, "line of log"],
  ]);
});

test("an address may have a path and a query of its own", async () => {
  const { url, requests } = await startReceiver(says(200, "OK"));
  const channel = healthcheckChannel({ check: new Secret(`${url}/ping/project-key/nightly-backup/?create=1`) });
  await channel.ping({ event: "fail", runId }, context);
  expect(requests[0]?.path).toBe(`/ping/project-key/nightly-backup/fail?create=1&rid=${runUuid(runId)}`);
});

test("an OK to a check that is not there is no success", async () => {
  const { url } = await startReceiver(says(200, "OK (not found)"));
  const failure = await failureOf(
    healthcheckChannel({ check: new Secret(check), endpoint: url }).ping({ event: "success", runId }, context),
  );
  expect(failure).toMatchObject({ reason: "not-found" });
  expect(JSON.stringify(failure)).not.toContain(check);
});

test("the notifier tries a ping again, and reports what failed without throwing or keeping it", async () => {
  const fine = await startReceiver(says(500, ""), says(200, "OK"));
  const broken = await startReceiver(says(503, `no ${check}`));
  const notifier = await notifierWith([
    healthcheckChannel({ name: "fine", check: new Secret(check), endpoint: fine.url }),
    healthcheckChannel({ name: "broken", check: new Secret(check), endpoint: broken.url }),
  ]);
  const pings = await notifier.ping({ event: "success", runId, log: "all well" });
  expect(pings).toMatchObject([
    { channel: "fine", event: "success", outcome: "delivered", attempts: 2 },
    { channel: "broken", outcome: "failed", attempts: 3, error: { reason: "connection" } },
  ]);
  expect(JSON.stringify(pings)).not.toContain(check);
  const before = broken.requests.length;
  await notifier.notify([]);
  expect(broken.requests.length).toBe(before);
});

test("a test of the notifications changes nothing of what a check knows", async () => {
  const { url, requests } = await startReceiver(says(200, "OK"));
  const notifier = await notifierWith([healthcheckChannel({ check: new Secret(check), endpoint: url })]);
  expect((await notifier.test()).pings).toMatchObject([{ outcome: "delivered" }]);
  expect(requests.map(({ path }) => path.split("?")[0])).toStrictEqual([`/${check}/log`]);
});

test("secrets in a log are not sent", async () => {
  const { url, requests } = await startReceiver(says(200, "OK"));
  const channel = healthcheckChannel({ check: new Secret(check), endpoint: url });
  const notifier = await notifierWith([channel], { secrets: [new Secret("hunter2")] });
  await notifier.ping({ event: "fail", runId, log: "password is hunter2" });
  expect(requests[0]?.body).toBe("password is **redacted**");
});

test("the end of a long log begins at a line, and never within a character", () => {
  expect(endOf("short", 100)).toBe("short");
  expect(endOf("first\nsecond\nthird", 10)).toBe("third");
  expect(endOf("ääää", 5)).toBe("ää");
  expect(Buffer.byteLength(endOf("line\n".repeat(100_000), 100_000))).toBeLessThanOrEqual(100_000);
});

test("what is neither a UUID nor an address is refused", () => {
  expect(() => healthcheckChannel({ check: new Secret("nightly") })).toThrow(/check: a UUID, or an http/);
});
