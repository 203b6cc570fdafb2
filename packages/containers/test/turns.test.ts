import { describe, expect, test } from "vitest";
import { Turns } from "../src/turns.ts";

const never = new AbortController().signal;

describe("turns", () => {
  test("are had one at a time, in the order of asking", async () => {
    const turns = new Turns(1);
    const log: string[] = [];
    let held = 0;
    const hold = async (name: string) => {
      using _ = await turns.take(never);
      held += 1;
      expect(held).toBe(1);
      log.push(name);
      await new Promise((resolve) => setTimeout(resolve, 5));
      held -= 1;
    };
    await Promise.all(["a", "b", "c"].map(hold));
    expect(log).toEqual(["a", "b", "c"]);
  });

  test("are had several at a time where that is allowed", async () => {
    const turns = new Turns(2);
    const first = await turns.take(never);
    await turns.take(never);
    let third = false;
    const waiting = turns.take(never).then(() => (third = true));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(third).toBe(false);
    first[Symbol.dispose]();
    // Handed on once, however often it is disposed.
    first[Symbol.dispose]();
    await waiting;
    const fourth = turns.take(AbortSignal.timeout(20));
    await expect(fourth).rejects.toMatchObject({ reason: "timeout" });
  });

  test("a wait that is given up keeps nobody waiting", async () => {
    const turns = new Turns(1);
    const first = await turns.take(never);
    const cancelling = new AbortController();
    const second = turns.take(cancelling.signal);
    const third = turns.take(never);
    cancelling.abort();
    await expect(second).rejects.toMatchObject({ reason: "cancelled" });
    first[Symbol.dispose]();
    (await third)[Symbol.dispose]();
    await expect(turns.take(AbortSignal.abort())).rejects.toMatchObject({ reason: "cancelled" });
    (await turns.take(never))[Symbol.dispose]();
  });
});
