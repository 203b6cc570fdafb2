import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { currentProcess, livenessOf } from "../src/index.ts";

test("this process lives; the same pid started at another time is dead", async () => {
  const self = await currentProcess();
  expect(await livenessOf(self)).toBe("alive");
  expect(await livenessOf({ ...self, startTime: "1" })).toBe("dead");
});

test("a process that has ended is dead", async () => {
  const child = spawn("true");
  const pid = child.pid ?? 0;
  await new Promise((resolve) => child.once("exit", resolve));
  expect(await livenessOf({ ...(await currentProcess()), pid, startTime: "12345" })).toBe("dead");
});

test("what cannot be judged from here is foreign; an earlier boot of this host is dead", async () => {
  const self = await currentProcess();
  expect(await livenessOf({ ...self, pidNamespace: "pid:[1]" })).toBe("foreign");
  expect(await livenessOf({ ...self, host: "elsewhere", bootId: "another" })).toBe("foreign");
  expect(await livenessOf({ ...self, bootId: "another" })).toBe("dead");
});
