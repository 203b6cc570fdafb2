import { expect, test } from "vitest";
import { JumpingClock } from "../src/index.ts";

const day = 86_400_000;

test("a jump is seen by whoever asks for the time, and by nobody after it was disposed", () => {
  const before = Date.now();
  {
    using clock = new JumpingClock();
    clock.jump(40 * day);
    const told = [Date.now(), new Date().getTime(), Date.parse(new Date().toISOString())];
    expect(Math.min(...told)).toBeGreaterThanOrEqual(before + 40 * day);
    clock.jump(-80 * day);
    expect(Date.now()).toBeLessThan(before);
    expect(new Date(0).toISOString()).toBe("1970-01-01T00:00:00.000Z");
    expect(new Date()).toBeInstanceOf(Date);
  }
  expect(Date.now() - before).toBeLessThan(day);
  expect(Date.now()).toBeGreaterThanOrEqual(before);
});
