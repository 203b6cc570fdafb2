import { BackupError, type BackupErrorReason, type FrozenCopy } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { Copies } from "../src/methods/copies.ts";
import { firstPossible } from "../src/methods/first-possible.ts";

const always = () => true;

function failing(reason: BackupErrorReason, message: string): Promise<never> {
  return Promise.reject(new BackupError(reason, message));
}

test("the first method that can be taken is, and why others could not be is told", async () => {
  const found: Record<string, Promise<string>> = {
    frozen: failing("tool-failed", "it does not recover"),
    offline: failing("corrupt", "it is not consistent"),
    "data-directory": Promise.resolve("files"),
  };
  const taken = await firstPossible(["frozen", "offline", "data-directory", "export"], (each) => found[each]!, always);
  expect(taken).toEqual({
    method: "data-directory",
    result: "files",
    passedOver: [
      "the method frozen could not be taken, data-directory was instead: it does not recover",
      "the method offline could not be taken, data-directory was instead: it is not consistent",
    ],
  });
});

test("what was found on the way is told where the last method fails too, once", async () => {
  const tooLong = new BackupError("timeout", "the copy took too long", { hint: "allow more" });
  const errors: Record<string, unknown> = {
    frozen: new BackupError("corrupt", "it is not consistent"),
    offline: tooLong,
    "data-directory": tooLong,
  };
  const take = (method: string) => Promise.reject(errors[method]);
  await expect(firstPossible(["frozen", "offline", "data-directory"], take, always)).rejects.toMatchObject({
    reason: "timeout",
    message: "the copy took too long; before that, frozen: it is not consistent",
    hint: "allow more",
  });
  await expect(firstPossible(["offline", "data-directory"], take, always)).rejects.toBe(tooLong);
});

test.each<[what: string, error: Error]>([
  ["that must not pass", new BackupError("authentication", "x")],
  ["that nobody has foreseen", new Error("x")],
])("an error %s is the end", async (_what, error) => {
  const tried: string[] = [];
  const take = (method: string) => {
    tried.push(method);
    return Promise.reject(error);
  };
  const mayPass = (_method: string, { reason }: BackupError) => reason === "timeout";
  await expect(firstPossible(["frozen", "export"], take, mayPass)).rejects.toBe(error);
  expect(tried).toEqual(["frozen"]);
});

test("a copy is taken again only where a server has worked in it, and when the first is gone", async () => {
  const steps: string[] = [];
  const take = async () => {
    const number = steps.filter((step) => step.startsWith("take")).length + 1;
    steps.push(`take ${number}`);
    return {
      frozenMs: 20,
      [Symbol.asyncDispose]: async () => void steps.push(`gone ${number}`),
    } as Partial<FrozenCopy> as FrozenCopy;
  };
  {
    await using copies = new Copies(take);
    expect(await copies.pristine()).toBe(await copies.pristine());
    copies.spend();
    await copies.pristine();
    expect(copies.frozenMs).toBe(40);
  }
  expect(steps).toEqual(["take 1", "gone 1", "take 2", "gone 2"]);
});

test("a copy that cannot be had makes the server stand still once only", async () => {
  let times = 0;
  await using copies = new Copies(() => {
    times += 1;
    return failing("timeout", "too long");
  });
  for (const _ of [1, 2]) await expect(copies.pristine()).rejects.toMatchObject({ reason: "timeout" });
  expect(times).toBe(1);
});
