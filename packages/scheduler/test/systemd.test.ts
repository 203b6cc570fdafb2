import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backends, type Place } from "../src/index.ts";
import { now, planOf, recorder, taskCalled } from "./support.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "systemd-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const offline = (): Place => ({ scope: "system", root, home: "/root" });
const backendIn = (place: Place, run = recorder().run) => backends.systemd({ place, run, now: () => now });
const units = () => join(root, "etc/systemd/system");

test("the units of a task", () => {
  const [rendered] = backendIn({ ...offline(), root: "/" }).render(planOf(taskCalled("backup")));
  const [service, timer] = rendered?.files ?? [];
  expect(service?.path).toBe("/etc/systemd/system/sutazai-backup-backup.service");
  expect(service?.text).toMatchInlineSnapshot(`
    "# Written by \`sutazai-backup schedule install\`; \`sutazai-backup schedule remove\` removes it.
    # task: {"name":"backup","describe":"do backup","schedule":{"expression":"30 2 * * *","timeZone":"Europe/Berlin"},"jitterMs":300000}

    [Unit]
    Description=SutazAI backup: do backup
    Wants=network-online.target
    After=network-online.target remote-fs.target docker.service
    RequiresMountsFor=/srv/backups

    [Service]
    Type=oneshot
    ExecStart=/usr/bin/node "/opt/50%% off/main.js" schedule run backup
    WorkingDirectory=/
    UMask=0077
    Nice=10
    IOSchedulingPriority=7
    # It has time limits of its own. Told to stop, it undoes what it has begun.
    TimeoutStartSec=infinity
    TimeoutStopSec=15min
    KillMode=mixed

    ProtectSystem=strict
    ReadWritePaths=-/srv/backups
    ReadWritePaths=-/var/lib/sutazai-backup
    ProtectHome=read-only
    PrivateTmp=yes
    PrivateDevices=yes
    ProtectClock=yes
    ProtectControlGroups=yes
    ProtectHostname=yes
    ProtectKernelLogs=yes
    ProtectKernelModules=yes
    ProtectKernelTunables=yes
    # To read the files of other users and write to a store of theirs; nothing else of root's.
    CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_KILL

    NoNewPrivileges=yes
    LockPersonality=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    RestrictNamespaces=yes
    RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallErrorNumber=EPERM
    "
  `);
  expect(timer?.text).toMatchInlineSnapshot(`
    "# Written by \`sutazai-backup schedule install\`; \`sutazai-backup schedule remove\` removes it.
    # task: {"name":"backup","describe":"do backup","schedule":{"expression":"30 2 * * *","timeZone":"Europe/Berlin"},"jitterMs":300000}

    [Unit]
    Description=SutazAI backup: when to do backup

    [Timer]
    # "30 2 * * *" in Europe/Berlin
    OnCalendar=*-*-* 02:30:00 Europe/Berlin
    OnCalendar=Sun *-03-25..31 03:00:00 Europe/Berlin
    # A run that was missed while the machine was off begins when it is on again.
    Persistent=true
    AccuracySec=1s
    # Always the same delay on one machine, another on the next.
    RandomizedDelaySec=300
    FixedRandomDelay=true

    [Install]
    WantedBy=timers.target
    "
  `);
});

test("a monitor does not wait for a store that is not mounted: it tells of that", () => {
  const [rendered] = backendIn(offline()).render(planOf(taskCalled("monitor")));
  expect(rendered?.files[0]?.text).not.toContain("RequiresMountsFor");
});

test("a service of a user has no namespaces", () => {
  const [rendered] = backendIn({ scope: "user", root: "/", home: "/home/a" }).render(planOf(taskCalled("backup")));
  const [service] = rendered?.files ?? [];
  expect(service?.path).toBe("/home/a/.config/systemd/user/sutazai-backup-backup.service");
  expect(service?.text).toContain("NoNewPrivileges=yes");
  expect(service?.text).not.toMatch(/Protect|Private|ReadWritePaths|RequiresMountsFor|Capability|docker\.service/);
});

test("what lies in /tmp can be seen", () => {
  const plan = { ...planOf(taskCalled("backup")), writable: ["/tmp/store"] };
  expect(backendIn(offline()).render(plan)[0]?.files[0]?.text).toContain("PrivateTmp=no");
});

test("installed twice, changed, and removed: nothing is left, nothing else is touched", async () => {
  const backend = backendIn(offline());
  await mkdir(join(units(), "timers.target.wants"), { recursive: true });
  await writeFile(join(units(), "other.timer"), "theirs");
  const before = await readdir(root, { recursive: true });
  const plan = planOf(taskCalled("backup"), taskCalled("drill", "0 4 * * 0"));

  expect((await backend.install(plan)).map(({ change }) => change)).toEqual(Array.from({ length: 6 }, () => "written"));
  expect(new Set((await backend.install(plan)).map(({ change }) => change))).toEqual(new Set(["unchanged"]));
  expect((await backend.installed()).map(({ task }) => task)).toEqual(plan.tasks);
  expect((await backend.installed()).map(({ files }) => files)).toEqual(backend.render(plan).map(({ files }) => files));

  const later = await backend.install(planOf(taskCalled("backup", "0 5 * * *")));
  expect(later.filter(({ change }) => change === "written").map(({ path }) => path.slice(units().length + 1))).toEqual([
    "sutazai-backup-backup.service",
    "sutazai-backup-backup.timer",
  ]);
  expect((await backend.remove(["backup"])).length).toBe(3);
  expect((await backend.installed()).map(({ task }) => task.name)).toEqual(["drill"]);
  await backend.remove();
  expect(await readdir(root, { recursive: true })).toEqual(before);
  expect(await backend.remove()).toEqual([]);
});

test("a file of somebody else is not replaced, one of ours beyond reading is told", async () => {
  const backend = backendIn(offline());
  await mkdir(units(), { recursive: true });
  const path = join(units(), "sutazai-backup-backup.service");
  await writeFile(path, "[Service]\nExecStart=/bin/true\n");
  await expect(backend.install(planOf(taskCalled("backup")))).rejects.toMatchObject({ reason: "refused" });
  expect(await readFile(path, "utf8")).toContain("/bin/true");
  expect(await backend.installed()).toEqual([]);

  await rm(path);
  await backend.install(planOf(taskCalled("backup")));
  await writeFile(path, (await readFile(path, "utf8")).replace('"jitterMs":', '"jitter":'));
  await expect(backend.installed()).rejects.toMatchObject({ reason: "corrupt" });
});

test("systemd is told what has changed, and asked how a timer is", async () => {
  const place: Place = { scope: "user", root: "/", home: root };
  let shown = "ActiveState=active\nUnitFileState=enabled\nResult=success\n";
  const { run, calls } = recorder((args) => ({ stdout: args.includes("show") ? shown : "" }));
  const backend = backendIn(place, run);
  const task = taskCalled("backup");
  await backend.install(planOf(task));
  await backend.install(planOf(task));
  expect(calls.splice(0)).toEqual([
    "systemctl --user daemon-reload",
    "systemctl --user restart sutazai-backup-backup.timer",
    "systemctl --user daemon-reload",
    "systemctl --user start sutazai-backup-backup.timer",
  ]);
  expect(await backend.timerState(task)).toEqual({ isActive: true });
  shown = "ActiveState=inactive\nUnitFileState=enabled\n";
  expect(await backend.timerState(task)).toMatchObject({
    isActive: false,
    problem: expect.stringContaining("systemctl --user start"),
  });
  shown = "ActiveState=active\nUnitFileState=disabled\n";
  expect(await backend.timerState(task)).toMatchObject({ problem: expect.stringContaining("does not start at boot") });
  calls.splice(0);
  await backend.remove();
  expect(calls).toEqual([
    "systemctl --user stop sutazai-backup-backup.timer",
    "systemctl --user clean --what=state sutazai-backup-backup.timer",
    "systemctl --user daemon-reload",
  ]);
});

test("a systemctl that fails is an error that says so", async () => {
  const { run } = recorder(() => ({ code: 1, stderr: "Failed to connect to bus" }));
  const backend = backendIn({ scope: "user", root: "/", home: root }, run);
  await expect(backend.install(planOf(taskCalled("backup")))).rejects.toMatchObject({
    reason: "tool-failed",
    message: expect.stringContaining("Failed to connect to bus"),
  });
});

function hasAnalyze(): boolean {
  try {
    execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("systemd finds nothing wrong with them", async ({ skip }) => {
  if (!hasAnalyze()) skip("there is no systemd-analyze here: only the texts above were compared");
  const backend = backendIn(offline());
  const program = [process.execPath, '/opt/it\'s 50% "off" $HOME\\main.js'];
  const plan = { ...planOf(taskCalled("backup"), taskCalled("drill", "0 0 13 * 5")), command: () => program };
  await backend.install(plan);
  const paths = (await backend.installed()).flatMap(({ files }) => files.map(({ path }) => path));
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", ...paths]);
  expect(stdout + stderr).toBe("");
});
