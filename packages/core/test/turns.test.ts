import { expect, test } from "vitest";
import { inTurn } from "../src/turns.ts";

test("one after the other under one key, whatever the outcome; others are not held up", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { signal } = new AbortController();
  const first = inTurn("a", signal, async () => {
    await gate.promise;
    seen.push("first");
    throw new Error("failed");
  });
  const second = inTurn("a", signal, async () => void seen.push("second"));
  await inTurn("b", signal, async () => void seen.push("other"));
  gate.resolve();
  await expect(first).rejects.toThrow("failed");
  await second;
  expect(seen).toEqual(["other", "first", "second"]);
});

test("an abort ends the waiting, and does not let the next one in early", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const cancelling = new AbortController();
  const first = inTurn("a", new AbortController().signal, () => gate.promise.then(() => void seen.push("first")));
  const second = inTurn("a", cancelling.signal, async () => void seen.push("second"));
  const third = inTurn("a", new AbortController().signal, async () => void seen.push("third"));
  cancelling.abort();
  await expect(second).rejects.toThrow();
  expect(seen).toEqual([]);
  gate.resolve();
  await Promise.all([first, third]);
  expect(seen).toEqual(["first", "third"]);
});
