import { expect, test } from "vitest";
import { attempt, BackupError } from "../src/index.ts";

const named = (signal?: AbortSignal) => ({ operation: "redis.backup", database: "cache", signal });

test("what works is given on", async () => {
  expect(await attempt(named(), async () => 7)).toBe(7);
});

test("what fails names the operation and the database", async () => {
  const failed = attempt(named(), () => Promise.reject(new Error("gone")));
  await expect(failed).rejects.toMatchObject({ operation: "redis.backup", database: "cache", message: "gone" });
});

test("whatever an abort made fail, the abort is the reason", async () => {
  const stopping = new AbortController();
  const failed = attempt(named(stopping.signal), async () => {
    stopping.abort(new BackupError("timeout", "it took too long"));
    throw new Error("socket closed");
  });
  await expect(failed).rejects.toMatchObject({ reason: "timeout", database: "cache" });
});

test("nothing is begun after an abort", async () => {
  let begun = false;
  const refused = attempt(named(AbortSignal.abort()), async () => {
    begun = true;
  });
  await expect(refused).rejects.toMatchObject({ reason: "cancelled" });
  expect(begun).toBe(false);
});
