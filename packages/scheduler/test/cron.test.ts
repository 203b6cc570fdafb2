import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { backends, nextRuns } from "../src/index.ts";
import { offsetAt, systemTimeZone } from "../src/time-zone.ts";
import { now, planOf, recorder, taskCalled } from "./support.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cron-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("in /etc/cron.d", () => {
  const backendIn = (directory: string) =>
    backends.cron({ place: { scope: "system", root: directory, home: "/root" }, now: () => now });

  test("the file of a task", () => {
    const [rendered] = backendIn("/").render(planOf(taskCalled("drill")));
    expect(rendered?.files[0]?.path).toBe("/etc/cron.d/sutazai-backup-drill");
    expect(rendered?.files[0]?.text).toMatchInlineSnapshot(`
      "# Written by \`sutazai-backup schedule install\`; \`sutazai-backup schedule remove\` removes it.
      # task: {"name":"drill","describe":"do drill","schedule":{"expression":"30 2 * * *","timeZone":"Europe/Berlin"},"jitterMs":300000}
      # To do drill, at "30 2 * * *" in Europe/Berlin. cron only wakes it; whether a run is due it looks itself.
      SHELL=/bin/sh
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      MAILTO=""
      30 * * * * root /usr/bin/node '/opt/50\\% off/main.js' schedule run drill --if-due '30 2 * * *' >>/var/lib/sutazai-backup/schedule/drill.log 2>&1
      "
    `);
  });

  test("installed twice, changed, and removed", async () => {
    const backend = backendIn(root);
    const plan = planOf(taskCalled("backup", "0 * * * *"), taskCalled("drill"));
    expect((await backend.install(plan)).map(({ change }) => change)).toEqual(["written", "written"]);
    expect((await backend.install(plan)).map(({ change }) => change)).toEqual(["unchanged", "unchanged"]);
    expect((await backend.installed()).map(({ task }) => task)).toEqual(plan.tasks);
    // cron passes over files that others can write to.
    expect((await stat(join(root, "etc/cron.d/sutazai-backup-drill"))).mode & 0o777).toBe(0o644);
    await backend.install(planOf(taskCalled("drill", "0 5 * * *")));
    expect(await readFile(join(root, "etc/cron.d/sutazai-backup-drill"), "utf8")).toContain("--if-due '0 5 * * *'");
    await backend.remove();
    expect(await readdir(join(root, "etc/cron.d"))).toEqual([]);
  });
});

describe("in the crontab of a user", () => {
  const theirs = "# mine\nMAILTO=me\n*/5 * * * * true # no newline at the end";

  function crontabOf(initial: string | undefined) {
    let text = initial;
    const { run, calls } = recorder(([argument], input) => {
      if (argument === "-l") return text === undefined ? { code: 1, stderr: "no crontab for me" } : { stdout: text };
      text = argument === "-r" ? undefined : input;
      return {};
    });
    const backend = backends.cron({
      place: { scope: "user", root: "/", home: root },
      run,
      now: () => now,
    });
    return { backend, calls, text: () => text };
  }
  const plan = () => ({ ...planOf(taskCalled("backup"), taskCalled("drill")), logDirectory: join(root, "log") });

  test("everything else stays as it is, byte for byte", async () => {
    const { backend, text, calls } = crontabOf(theirs);
    await backend.install(plan());
    expect(text()?.startsWith(`${theirs}\n# sutazai-backup backup {\n`)).toBe(true);
    expect((await backend.installed()).map(({ task }) => task)).toEqual(plan().tasks);
    expect((await backend.installed()).map(({ files }) => files)).toEqual(
      backend.render(plan()).map(({ files }) => files),
    );
    calls.splice(0);
    expect((await backend.install(plan())).map(({ change }) => change)).toEqual(["unchanged", "unchanged"]);
    expect(calls).not.toContain("crontab -");
    const drill = text()?.slice(text()?.indexOf("# sutazai-backup drill {"));
    await backend.install({ ...plan(), tasks: [taskCalled("backup", "0 5 * * *")] });
    expect(text()).toContain("--if-due '0 5 * * *'");
    expect(text()?.endsWith(drill ?? "")).toBe(true);
    await backend.remove();
    expect(text()).toBe(`${theirs}\n`);
  });

  test("where there was none, none is left", async () => {
    const { backend, text } = crontabOf(undefined);
    expect(await backend.installed()).toEqual([]);
    await backend.install(plan());
    // A setting would hold for all lines below it.
    expect(text()).not.toMatch(/^\w+=/m);
    await backend.remove(["backup"]);
    expect(text()).toContain("drill");
    await backend.remove();
    expect(text()).toBeUndefined();
  });

  test("a crontab that refuses is an error", async () => {
    const { run } = recorder(() => ({ code: 1, stderr: "You (x) are not allowed to use this program" }));
    const backend = backends.cron({ place: { scope: "user", root: "/", home: root }, run });
    await expect(backend.installed()).rejects.toMatchObject({ reason: "permission" });
  });
});

test("cron wakes every run in the minute in which it is due, whatever the zones", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"),
      fc.constantFrom("0 * * * *", "7 3 * * *", "*/20 1-4 * * *", "59 23 * * 0"),
      fc.integer({ min: now.getTime(), max: now.getTime() + 360 * 86_400_000 }),
      (timeZone, expression, start) => {
        const [rendered] = backends
          .cron({ place: { scope: "system", root: "/", home: "/" }, now: () => now })
          .render(planOf(taskCalled("backup", expression, timeZone)));
        const minutes = /^([\d,]+) \* \* \* \* /m.exec(rendered?.files[0]?.text ?? "")?.[1]?.split(",") ?? [];
        for (const at of nextRuns({ expression, timeZone }, new Date(start), 5)) {
          const local = new Date(at.getTime() + offsetAt(systemTimeZone(), at.getTime()));
          const wakesWithin = minutes.map((minute) => (Number(minute) - local.getUTCMinutes() + 60) % 60);
          // What the clocks left out is due at the moment of the change: then the next wake-up finds it.
          const isMoved = !parseMinutes(expression).includes(
            new Date(at.getTime() + offsetAt(timeZone, at.getTime())).getUTCMinutes(),
          );
          expect(Math.min(...wakesWithin)).toBeLessThanOrEqual(isMoved ? 59 : 0);
        }
      },
    ),
    { numRuns: 60 },
  );
});

function parseMinutes(expression: string): number[] {
  const [minute = ""] = expression.split(" ");
  return minute === "*/20" ? [0, 20, 40] : [Number(minute)];
}
