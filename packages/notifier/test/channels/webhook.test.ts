import { Secret } from "@sutazai/backup-core";
import { Webhook } from "standardwebhooks";
import { expect, test, vi } from "vitest";
import { noticeSchema, webhookChannel, type WebhookTemplate } from "../../src/index.ts";
import {
  breaksOff,
  failureOf,
  hangs,
  messageOf,
  never,
  notice,
  notifierWith,
  resolved,
  says,
  startReceiver,
} from "../support.ts";

// Real files and processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const context = { signal: never };
const key = "host-1/backup-failed:postgres";

function bodyOf(request: { readonly body: string } | undefined): Record<string, unknown> {
  return JSON.parse(request?.body ?? "null") as Record<string, unknown>;
}

test("the documented JSON, signed so that any Standard Webhooks library accepts it", async () => {
  const { url, requests } = await startReceiver(says(204, ""));
  const signingSecret = `whsec_${Buffer.from("thirty-two bytes of a shared key").toString("base64")}`;
  const channel = webhookChannel({
    url: new Secret(`${url}/hook?a=b`),
    signingSecret: new Secret(signingSecret),
    headers: { "x-tenant": new Secret("sutazai") },
  });
  await channel.deliver(messageOf(), context);
  const [request] = requests;
  expect(request).toMatchObject({
    method: "POST",
    path: "/hook?a=b",
    headers: { "x-tenant": "sutazai", "webhook-id": messageOf().id },
  });
  const verified = new Webhook(signingSecret).verify(request?.body ?? "", request?.headers as Record<string, string>);
  expect(verified).toStrictEqual({
    format: "sutazai-backup-notice",
    version: 1,
    id: messageOf().id,
    incident: messageOf().incident,
    key,
    source: "host-1",
    occasion: "first",
    notice: JSON.parse(JSON.stringify(notice)),
    text: expect.stringContaining("What is still safe"),
  });
  expect(noticeSchema.parse((verified as { notice: unknown }).notice)).toStrictEqual(notice);
  const forged = (request?.body ?? "").replace("postgres", "nothing!");
  expect(() => new Webhook(signingSecret).verify(forged, request?.headers as Record<string, string>)).toThrow();
});

test("a plain text as signing secret is the key itself", async () => {
  const { url, requests } = await startReceiver();
  await webhookChannel({ url: new Secret(url), signingSecret: new Secret("any text") }).deliver(messageOf(), context);
  const headers = requests[0]?.headers as Record<string, string>;
  new Webhook("any text", { format: "raw" }).verify(requests[0]?.body ?? "", headers);
  expect(headers["webhook-signature"]).toMatch(/^v1,/);
});

test("busy, broken, hanging and at last well: one message, one id, within one call", async () => {
  const { url, requests } = await startReceiver(
    says(500, ""),
    says(429, "", { "retry-after": "0" }),
    breaksOff,
    hangs,
    says(200, ""),
  );
  const notifier = await notifierWith([webhookChannel({ url: new Secret(url), signingSecret: new Secret("k") })], {
    retries: { attempts: 10, attemptMs: 300, firstPauseMs: 1, longestPauseMs: 5 },
  });
  const { deliveries } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "delivered", attempts: 5 }]);
  expect(new Set(requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
});

test("a pause that is asked for is kept", async () => {
  const { url, requests } = await startReceiver(says(429, "", { "retry-after": "1" }), says(200, ""));
  const notifier = await notifierWith([webhookChannel({ url: new Secret(url) })]);
  const started = performance.now();
  await notifier.notify([notice]);
  expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  expect(requests.length).toBe(2);
});

test("PagerDuty: one incident per cause, closed when it has passed; events open none", async () => {
  const { url, requests } = await startReceiver(says(202, '{"status":"success"}'));
  const notifier = await notifierWith([
    webhookChannel({
      preset: "pagerduty",
      url: new Secret(`${url}/v2/enqueue`),
      credential: new Secret("routing-key"),
    }),
  ]);
  await notifier.notify([notice]);
  await notifier.notify([notice]);
  await notifier.notify([resolved]);
  await notifier.notify([resolved, { ...notice, cause: "run-done", state: "event" }]);
  expect(requests.map(bodyOf)).toStrictEqual([
    {
      routing_key: "routing-key",
      dedup_key: key,
      event_action: "trigger",
      client: "SutazAI backup",
      payload: {
        summary: "Backup of postgres failed",
        source: "host-1",
        severity: "critical",
        timestamp: notice.at,
        component: "postgres",
        class: notice.cause,
        custom_details: {
          what_failed: notice.what,
          since: notice.since,
          still_safe: expect.stringContaining("restored in a drill"),
          what_to_do_now: notice.action,
          facts: [
            { database: "postgres", status: "failed", "last good backup": "20261120T030000.000Z-abcdef" },
            { database: "redis", status: "ok", "last good backup": "20261123T030000.000Z-ghjkmn" },
          ],
          run: notice.runId,
          report: notice.report,
        },
      },
    },
    { routing_key: "routing-key", dedup_key: key, event_action: "resolve" },
  ]);
});

test("Opsgenie: an alias per cause, closed by it", async () => {
  const { url, requests } = await startReceiver(says(202, "{}"));
  const notifier = await notifierWith([
    webhookChannel({ preset: "opsgenie", url: new Secret(`${url}/`), credential: new Secret("genie") }),
  ]);
  await notifier.notify([{ ...notice, title: "x".repeat(200), severity: "warning" }]);
  await notifier.notify([resolved]);
  expect(requests.map(({ path, headers }) => [path, headers["authorization"]])).toStrictEqual([
    ["/v2/alerts", "GenieKey genie"],
    [`/v2/alerts/${encodeURIComponent(key)}/close?identifierType=alias`, "GenieKey genie"],
  ]);
  const opened = bodyOf(requests[0]);
  expect(opened).toMatchObject({ alias: key, priority: "P3", entity: "postgres" });
  expect((opened["message"] as string).length).toBe(130);
});

test("ServiceNow: an event with a message key, closed by it", async () => {
  const { url, requests } = await startReceiver(says(200, "{}"));
  const notifier = await notifierWith([
    webhookChannel({ preset: "servicenow", url: new Secret(url), credential: new Secret("user:pass") }),
  ]);
  await notifier.notify([notice]);
  await notifier.notify([resolved]);
  expect(requests.map(({ path }) => path)).toStrictEqual(["/api/global/em/jsonv2", "/api/global/em/jsonv2"]);
  expect(requests[0]?.headers["authorization"]).toBe(`Basic ${Buffer.from("user:pass").toString("base64")}`);
  expect(requests.map(bodyOf)).toMatchObject([
    { records: [{ message_key: key, severity: "1", resolution_state: "New" }] },
    { records: [{ message_key: key, severity: "0", resolution_state: "Closing" }] },
  ]);
});

/** A tracker that gives each ticket a number: closing one needs it. */
const tickets: WebhookTemplate = {
  firing: {
    url: "{{url}}/issues",
    headers: { "private-token": "{{credential}}" },
    body: { title: "{{title}}", description: "{{text}}" },
  },
  again: {
    url: "{{url}}/issues/{{reference}}/notes",
    headers: { "private-token": "{{credential}}" },
    body: { body: "{{text}}" },
  },
  resolved: {
    method: "PUT",
    url: "{{url}}/issues/{{reference}}",
    headers: { "private-token": "{{credential}}" },
    body: { state_event: "close" },
  },
  event: null,
  reference: "/iid",
};

test("a tracker that numbers its tickets: opened once, added to, closed by its number", async () => {
  const { url, requests } = await startReceiver(says(201, '{"id":9001,"iid":42}'), says(200, "{}"));
  const channel = webhookChannel({ url: new Secret(url), template: tickets, credential: new Secret("glpat") });
  const notifier = await notifierWith([channel]);
  await notifier.notify([{ ...notice, severity: "warning" }]);
  await notifier.notify([notice]);
  await notifier.notify([resolved]);
  expect(requests.map(({ method, path, headers }) => [method, path, headers["private-token"]])).toStrictEqual([
    ["POST", "/issues", "glpat"],
    ["POST", "/issues/42/notes", "glpat"],
    ["PUT", "/issues/42", "glpat"],
  ]);
});

test("a ticket whose number is not known is told of, and nothing is posted to the wrong place", async () => {
  const { url, requests } = await startReceiver(says(201, "created"));
  const channel = webhookChannel({ url: new Secret(url), template: tickets });
  const notifier = await notifierWith([channel]);
  const opened = await notifier.notify([notice]);
  const closed = await notifier.notify([resolved]);
  expect(opened.deliveries).toMatchObject([{ outcome: "delivered", problems: [expect.stringContaining("/iid")] }]);
  expect(closed.deliveries).toMatchObject([
    { outcome: "delivered", problems: [expect.stringContaining("nothing was sent")] },
  ]);
  expect(requests.length).toBe(1);
});

test("an answer that repeats what it was sent tells no secret", async () => {
  const { url } = await startReceiver(
    (response, { body, headers }) => void response.writeHead(400).end(`${headers["authorization"]} ${body}`),
  );
  const channel = webhookChannel({ preset: "servicenow", url: new Secret(url), credential: new Secret("user:pass") });
  const failure = await failureOf(channel.deliver(messageOf(), context));
  expect(failure).toMatchObject({ reason: "refused", message: expect.stringContaining("Basic **redacted**") });
});

test("settings that cannot be meant are refused", () => {
  const url = new Secret("https://example.org");
  expect(() => webhookChannel({})).toThrow(/`url` is missing/);
  expect(() => webhookChannel({ preset: "servicenow", credential: url })).toThrow(/`url` is missing/);
  expect(() => webhookChannel({ preset: "pagerduty" })).toThrow(/needs `credential`/);
  expect(() => webhookChannel({ url, preset: "opsgenie", template: tickets, credential: url })).toThrow(/not both/);
  expect(() => webhookChannel({ url: new Secret("file:///etc/passwd") })).toThrow(/http or https/);
});
