import { BackupError } from "@sutazai/backup-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultRetries, pauseAfter, withRetries } from "../src/retry.ts";
import { never, quickly } from "./support.ts";

const policy = { ...defaultRetries, ...quickly };
const soon = () => ({ signal: never, deadline: performance.now() + 60_000 });

function failing(times: number, error: BackupError): () => Promise<string> {
  let left = times;
  return () => (left-- > 0 ? Promise.reject(error) : Promise.resolve("there"));
}

test("what may pass is tried again, what may not is not", async () => {
  const busy = new BackupError("connection", "busy", { operation: "notify" });
  expect(await withRetries(failing(2, busy), policy, soon())).toStrictEqual({ value: "there", attempts: 3 });
  expect(await withRetries(failing(3, busy), policy, soon())).toStrictEqual({ error: busy, attempts: 3 });
  const refused = new BackupError("refused", "never", { operation: "notify" });
  expect(await withRetries(failing(1, refused), policy, soon())).toStrictEqual({ error: refused, attempts: 1 });
});

test("an attempt that hangs is ended by its own limit and tried again", async () => {
  let calls = 0;
  const hangsOnce = (): Promise<string> => (++calls === 1 ? new Promise(() => undefined) : Promise.resolve("there"));
  expect(await withRetries(hangsOnce, { ...policy, attemptMs: 20 }, soon())).toStrictEqual({
    value: "there",
    attempts: 2,
  });
});

test("a longer pause than there is time for ends it", async () => {
  const asked = new BackupError("connection", "busy", { operation: "notify", details: { retryAfterMs: 60_000 } });
  const started = { signal: never, deadline: performance.now() + 1000 };
  expect(await withRetries(failing(1, asked), policy, started)).toStrictEqual({ error: asked, attempts: 1 });
});

test("an abort ends pause and attempt", async () => {
  const controller = new AbortController();
  const busy = (): Promise<never> => {
    queueMicrotask(() => controller.abort());
    return Promise.reject(new BackupError("connection", "busy"));
  };
  const long = { ...policy, firstPauseMs: 60_000, longestPauseMs: 60_000 };
  const limit = { signal: controller.signal, deadline: performance.now() + 600_000 };
  expect(await withRetries(busy, long, limit)).toMatchObject({ attempts: 1 });
  expect(await withRetries(() => new Promise(() => undefined), long, limit)).toMatchObject({
    error: { reason: "cancelled" },
  });
});

test("pauses double, differ by chance, and stay below the longest", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), (made) => {
      const pause = pauseAfter(made, { ...defaultRetries, firstPauseMs: 100, longestPauseMs: 5000 });
      const whole = Math.min(5000, 100 * 2 ** (made - 1));
      expect(pause).toBeGreaterThanOrEqual(whole / 2);
      expect(pause).toBeLessThanOrEqual(whole);
    }),
  );
});
