import { isBackupError, Secret } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { answerFailure, retryAfter, sendRequest } from "../src/http.ts";
import { breaksOff, failureOf, never, says, startReceiver } from "./support.ts";

const secret = new Secret("s3cr3t-path");

function post(url: string, signal: AbortSignal = never): Promise<string> {
  return sendRequest({ url, body: "{}", signal, secrets: [secret] });
}

test.each([
  [301, "refused", false],
  [400, "refused", false],
  [401, "authentication", false],
  [403, "authentication", false],
  [404, "not-found", false],
  [408, "connection", true],
  [410, "not-found", false],
  [422, "refused", false],
  [429, "connection", true],
  [500, "connection", true],
  [503, "connection", true],
])("an answer of %i", async (status, reason, isRetryable) => {
  const { url } = await startReceiver(says(status, "s3cr3t-path is odd", { location: "http://127.0.0.1:9/" }));
  const failure = await failureOf(post(`${url}/s3cr3t-path`));
  expect(failure).toMatchObject({
    reason,
    isRetryable,
    message: expect.stringContaining(`answered ${status}: **redacted**`),
  });
  expect(isBackupError(failure) && failure.hint).toBeTruthy();
});

test.each([200, 202])("an answer of %i is fine", async (status) => {
  const { url } = await startReceiver(says(status, "thanks"));
  expect(await post(url)).toBe("thanks");
});

test("nobody there, a connection that breaks off, a name that is none", async () => {
  const { url } = await startReceiver(breaksOff);
  for (const address of [`${url}/s3cr3t-path`, "http://127.0.0.1:1/s3cr3t-path", "http://nobody.invalid/s3cr3t-path"]) {
    const failure = await failureOf(post(address));
    expect(failure).toMatchObject({ reason: "connection", isRetryable: true });
    expect(String(failure)).not.toContain("s3cr3t-path");
  }
});

test("a login within the address is used, and not part of any message", async () => {
  const { url, requests } = await startReceiver(says(200, ""), says(500, ""));
  const address = url.replace("http://", "http://user:p%40ss@");
  await post(`${address}/hook`);
  expect(requests[0]?.headers["authorization"]).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  expect(String(await failureOf(post(address)))).not.toMatch(/user|p@ss|p%40ss/);
});

test("an abort ends it with its reason", async () => {
  const { url } = await startReceiver(() => undefined);
  expect(await failureOf(post(url, AbortSignal.timeout(20)))).toMatchObject({ name: "TimeoutError" });
});

test("an endless answer is not read to its end", async () => {
  const { url } = await startReceiver((response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  expect((await post(url)).length).toBe(65_536);
});

test("waits are given in seconds or as a date", () => {
  const now = Date.parse("2026-11-23T03:00:00.000Z");
  expect(retryAfter("120", now)).toBe(120_000);
  expect(retryAfter("Mon, 23 Nov 2026 03:01:00 GMT", now)).toBe(60_000);
  expect(retryAfter("Mon, 23 Nov 2026 02:00:00 GMT", now)).toBe(0);
  expect(retryAfter("soon", now)).toBeUndefined();
  expect(retryAfter(null, now)).toBeUndefined();
  const failure = answerFailure(429, new Headers({ "retry-after": "7" }), "", "host");
  expect(failure).toMatchObject({ details: { status: 429, retryAfterMs: 7000 } });
});
