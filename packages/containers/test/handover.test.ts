import { expect, test } from "vitest";
import { Handover } from "../src/handover.ts";

const bytes = (length: number) => new Uint8Array(length);
const make = (limit = 10) => {
  const calls = { abandoned: 0 };
  const handover = new Handover(limit, async () => {
    calls.abandoned++;
  });
  return { handover, calls };
};

test("the writer waits for room, and gets it when the reader has taken enough", async () => {
  const { handover } = make();
  handover.write(bytes(6));
  expect(handover.isFull).toBe(false);
  handover.write(bytes(6));
  expect(handover.isFull).toBe(true);
  let hasRoom = false;
  const waiting = handover.room().then(() => (hasRoom = true));
  await Promise.resolve();
  expect(hasRoom).toBe(false);
  await handover.next();
  await waiting;
  expect(hasRoom).toBe(true);
});

test("what was written before the end is still read", async () => {
  const { handover, calls } = make();
  handover.write(bytes(3));
  handover.end();
  const lengths: number[] = [];
  for await (const chunk of handover) lengths.push(chunk.length);
  expect(lengths).toEqual([3]);
  expect(calls.abandoned).toBe(0);
});

test("after a failure nothing that is held looks good", async () => {
  const { handover } = make();
  handover.write(bytes(3));
  handover.fail(new Error("lost"));
  await expect(handover.next()).rejects.toThrow("lost");
});

test("a waiting reader is told of data, of the end and of a failure", async () => {
  const { handover } = make();
  const first = handover.next();
  handover.write(bytes(2));
  expect((await first).value?.length).toBe(2);
  const second = handover.next();
  handover.end();
  expect((await second).done).toBe(true);
  const other = make().handover;
  const failing = other.next();
  other.fail(new Error("lost"));
  await expect(failing).rejects.toThrow("lost");
});

test("a reader that leaves early is noticed, and the writer is let go", async () => {
  const { handover, calls } = make(1);
  handover.write(bytes(2));
  const waiting = handover.room();
  await handover.return();
  await waiting;
  expect(calls.abandoned).toBe(1);
});
