import { headerOf, type InstalledFile, type Place, type PlannedTask, type SchedulePlan } from "../plan.ts";
import { onCalendar } from "./calendar.ts";

/** `sutazai-backup-drill`: the units of a task are called so. */
export function unitOf(task: Pick<PlannedTask, "name">): string {
  return `sutazai-backup-${task.name}`;
}

/** The service and the timer of a task. */
export function unitsOf(plan: SchedulePlan, task: PlannedTask, { scope }: Place, now: Date): InstalledFile[] {
  return [
    { path: `${unitOf(task)}.service`, text: serviceOf(plan, task, scope) },
    { path: `${unitOf(task)}.timer`, text: timerOf(task, now) },
  ];
}

function timerOf(task: PlannedTask, now: Date): string {
  const { describe, schedule, jitterMs } = task;
  return `${headerOf(task)}
[Unit]
Description=SutazAI backup: when to ${describe}

[Timer]
# "${schedule.expression}" in ${schedule.timeZone}
${onCalendar(schedule, now)
  .map((calendar) => `OnCalendar=${calendar}`)
  .join("\n")}
# A run that was missed while the machine was off begins when it is on again.
Persistent=true
AccuracySec=1s
# Always the same delay on one machine, another on the next.
RandomizedDelaySec=${Math.round(jitterMs / 1000)}
FixedRandomDelay=true

[Install]
WantedBy=timers.target
`;
}

function serviceOf(plan: SchedulePlan, task: PlannedTask, scope: Place["scope"]): string {
  const isSystem = scope === "system";
  return `${headerOf(task)}
[Unit]
Description=SutazAI backup: ${task.describe}
${isSystem ? `Wants=network-online.target\nAfter=network-online.target remote-fs.target docker.service\n${mountsOf(plan, task)}` : ""}
[Service]
Type=oneshot
ExecStart=${plan.command(task).map(quote).join(" ")}
WorkingDirectory=/
UMask=0077
Nice=10
IOSchedulingPriority=7
# It has time limits of its own. Told to stop, it undoes what it has begun.
TimeoutStartSec=infinity
TimeoutStopSec=15min
KillMode=mixed

${isSystem ? `${protectedSystem(plan, task)}\n` : ""}${sandbox}`;
}

function mountsOf({ mounts }: SchedulePlan, task: PlannedTask): string {
  return mounts(task)
    .map((path) => `RequiresMountsFor=${quote(path)}\n`)
    .join("");
}

/** What holds for services of a user as well: no namespaces are needed for it. */
const sandbox = `NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
`;

// No MemoryDenyWriteExecute: JavaScript is compiled in memory. No ProtectProc: whether the holder of a lock lives is read from /proc.
// Docker's socket can be connected to on a read-only file system.
function protectedSystem({ writable, command }: SchedulePlan, task: PlannedTask): string {
  // What lies in /tmp would not be there with a /tmp of its own.
  const isInTmp = [...writable, ...command(task)].some((path) => /^\/(?:var\/)?tmp\//.test(path));
  return `ProtectSystem=strict
${writable.map((path) => `ReadWritePaths=${quote(`-${path}`)}`).join("\n")}
ProtectHome=read-only
PrivateTmp=${isInTmp ? "no" : "yes"}
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# To read the files of other users and write to a store of theirs; nothing else of root's.
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_KILL
`;
}

/** As systemd.service(5) reads a word: its specifiers and variables are not ours. */
function quote(word: string): string {
  const escaped = word.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./-]+$/.test(word) ? escaped : `"${escaped}"`;
}
