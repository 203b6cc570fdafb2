import { BackupError } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { verifyRestore } from "../../src/index.ts";
import { formOf } from "../line-format.ts";
import { FakeKind, recorded, sourceOf } from "./fake-server.ts";

const options = { memoryLimit: 2 ** 30, backupCheckMs: 7 };

let kind: FakeKind;
beforeEach(() => {
  kind = new FakeKind();
});
afterEach(() => kind[Symbol.dispose]());

const drill = (source = sourceOf()) => verifyRestore(source, kind.adapter, options, kind.context());

describe("a drill", () => {
  test("restores, compares, restarts, compares again, has the files checked, and leaves nothing", async () => {
    const result = await drill();
    expect(result).toMatchObject({
      level: "restore",
      ok: true,
      problems: [],
      image: "sha256:abc",
      forms: [
        {
          name: "lines",
          method: "replace",
          serverVersion: "8.2",
          factsCompared: 2,
          afterRestart: "equal",
          // What was recorded as bounds is exact now.
          fingerprint: { rows: { exact: 3 }, size: { exact: 5 } },
          evidence: ["looked", "after a restart: looked", "files checked"],
        },
      ],
    });
    const { rto } = result;
    expect(rto?.ms).toBe(7 + (rto?.startUpMs ?? 0) + (rto?.restoreMs ?? 0) + (rto?.checkMs ?? 0));
    expect(kind.steps.join(", ")).toBe(
      "throwaway, probe, plan, fence, restore, finish replaced, containers recover isolated, " +
        "probe, compare, restart, probe again, compare, check files, gone",
    );
    expect(kind.specs).toMatchObject([
      {
        image: "sha256:abc",
        memoryLimit: 2 ** 30,
        command: ["serve"],
        freshVolumes: ["/data"],
        purpose: "drill-redis",
      },
    ]);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test("tries every form in a server of its own, by the first method that goes with it, and one that fails spares no other", async () => {
    kind.found = [{ rows: { exact: 2 } }, { rows: { exact: 3 }, size: { exact: 5 } }];
    const forms = [formOf("lines", ["a.txt"], recorded), formOf("pages", ["a.txt"], recorded)];
    const result = await drill(sourceOf({ forms }));
    expect(result.forms.map(({ name, method, ok }) => [name, method, ok])).toEqual([
      ["lines", "replace", false],
      ["pages", "import", true],
    ]);
    expect(result).toMatchObject({ ok: false, rto: null, problems: [expect.stringMatching(/^form lines: .*rows/)] });
    expect(kind.specs).toHaveLength(2);
    expect(kind.steps.filter((step) => step === "gone")).toHaveLength(2);
  });

  test("of a backup that holds nothing proves nothing", async () => {
    expect(await drill(sourceOf({ forms: [] }))).toMatchObject({ ok: false, rto: null });
  });
});

describe("the backup is at fault, and what is wrong is named", () => {
  test.each([
    ["before the restart", [{ rows: { exact: 4 }, size: { exact: 5 } }], "not reached"],
    [
      "after the restart",
      [
        { rows: { exact: 3 }, size: { exact: 5 } },
        { rows: { exact: 4 }, size: { exact: 5 } },
      ],
      "different",
    ],
    ["in nothing that could be compared", [{}], "not reached"],
  ] as const)("where the server holds something else %s", async (_, found, afterRestart) => {
    kind.found = [...found];
    const { ok, problems, forms } = await drill();
    expect({ ok, afterRestart: forms[0]?.afterRestart }).toEqual({ ok: false, afterRestart });
    expect(problems.join()).toContain("rows");
    expect(kind.steps).toContain("gone");
  });

  test.each([
    ["restore", "mismatch"],
    ["restore", "corrupt"],
    ["restore", "tool-failed"],
    ["restore", "restore-failed"],
    ["compare", "mismatch"],
    ["check files", "corrupt"],
    ["check files", "tool-failed"],
  ] as const)("where %s ends with %s", async (step, reason) => {
    kind.failing(step, reason);
    expect(await drill()).toMatchObject({ ok: false, problems: [expect.stringContaining(`broke at ${step}`)] });
  });

  test("where the server does not start again with it", async () => {
    kind.at("probe again", () => {
      kind.state = "exited";
      throw new BackupError("connection", "refused");
    });
    expect((await drill()).problems.join()).toMatch(/ended instead of starting: the last words/);
  });
});

describe("nothing is said about the backup", () => {
  const failure = () =>
    drill().then(
      () => expect.unreachable(),
      (error: BackupError) => error,
    );

  test.each([
    ["probe", "authentication"],
    ["plan", "incompatible-version"],
    ["plan", "unsupported"],
    ["restore", "connection"],
    ["restore", "no-space"],
    ["restore", "not-found"],
    ["compare", "timeout"],
    ["restart", "connection"],
  ] as const)("where %s ends with %s", async (step, reason) => {
    kind.failing(step, reason);
    // A probe is asked again where waiting may help, so its failures here are such as waiting does not.
    expect(await failure()).toMatchObject({ reason });
    expect(kind.steps.at(-1)).toMatch(/gone|containers recover/);
  });

  test("where the server does not even start empty", async () => {
    kind.at("probe", () => {
      kind.state = "exited";
      throw new BackupError("connection", "refused");
    });
    expect(await failure()).toMatchObject({
      reason: "tool-failed",
      message: expect.stringContaining("the last words"),
    });
  });

  test("where there was no memory, for the server or for a tool", async () => {
    kind.failing("restore", "restore-failed");
    kind.outOfMemory = true;
    expect(await failure()).toMatchObject({
      message: expect.stringContaining("1024 MiB of memory"),
      hint: expect.stringContaining("drillMemory"),
    });
    kind.outOfMemory = false;
    kind.failing("restore", "tool-failed", { outOfMemory: true });
    expect(await failure()).toMatchObject({ reason: "tool-failed" });
  });

  test("where a record of the journal could not be settled for another reason", async () => {
    kind.failing("restore", "restore-failed", { reason: "unknown" });
    expect(await failure()).toMatchObject({ reason: "restore-failed" });
  });

  test("where Docker went away meanwhile", async () => {
    kind.failing("compare", "mismatch");
    kind.dockerIsGone = true;
    expect(await failure()).toMatchObject({ reason: "connection" });
  });

  test("where there is no image, or none is known", async () => {
    kind.at("throwaway", () => {
      throw new BackupError("not-found", "No such image: sha256:abc");
    });
    expect(await failure()).toMatchObject({ reason: "not-found", hint: expect.stringContaining("drillImage") });
    await expect(drill(sourceOf({ container: null }))).rejects.toMatchObject({
      reason: "not-found",
      hint: expect.stringContaining("drillImage"),
    });
  });

  test("where its kind cannot be drilled", async () => {
    await expect(verifyRestore(sourceOf(), kind.database, options, kind.context())).rejects.toMatchObject({
      reason: "unsupported",
    });
  });

  test("where it was cancelled: the server goes, and with it all that there was to undo", async () => {
    const controller = new AbortController();
    kind.at("restore", () => controller.abort());
    await expect(
      verifyRestore(sourceOf(), kind.adapter, options, kind.context(controller.signal)),
    ).rejects.toMatchObject({
      reason: "cancelled",
    });
    expect(kind.steps.slice(-2)).toEqual(["gone", "containers recover isolated"]);
  });
});

test("an image that is given is taken instead of the backup's", async () => {
  await verifyRestore(sourceOf({ container: null }), kind.adapter, { ...options, image: "redis:8" }, kind.context());
  expect(kind.specs).toMatchObject([{ image: "redis:8" }]);
});
