import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapWithLimit, timeLimit } from "../src/limits.ts";

test("results come in the items' order, whatever order they finish in", async () => {
  expect(await mapWithLimit([30, 1, 10], 3, async (ms) => (await sleep(ms), ms))).toEqual([30, 1, 10]);
  expect(await mapWithLimit([], 3, async () => 1)).toEqual([]);
});

test("a time limit carries its reason; the caller's signal is followed", async () => {
  using limit = timeLimit(new AbortController().signal, 5, "db");
  await sleep(20);
  expect(limit.signal.reason).toMatchObject({ reason: "timeout", database: "db" });
  const controller = new AbortController();
  using other = timeLimit(controller.signal, 60_000, "db");
  controller.abort();
  expect(other.signal.aborted).toBe(true);
});
