import { homedir } from "node:os";
import { resolve } from "node:path";
import {
  BackupError,
  backendNames,
  failedToOpen,
  installSchedule,
  livingDaemon,
  openBackend,
  plannedTasks,
  runHistory,
  scheduleEnvironmentFile,
  schedulePlan,
  scheduleStatus,
  taskNames,
  type Backend,
  type BackendName,
  type Change,
  type Place,
  type SchedulePlan,
  type TaskName,
} from "@sutazai/backup-sdk";
import { exitCode, type ExitCode } from "../exit-codes.ts";
import { formatChanges, formatFiles, formatScheduleStatus } from "../printers/schedule.ts";
import { commandLine, hiddenVariables } from "../schedule/command-line.ts";
import { runOnSchedule } from "../schedule/run.ts";
import { runVerb, type GlobalArguments, type Needs, type Session } from "../session.ts";
import type { Verb } from "../verb.ts";

const actions = ["install", "status", "show", "remove", "run"] as const;

export interface ScheduleArguments {
  readonly action: (typeof actions)[number];
  readonly what?: string;
  readonly task?: readonly TaskName[] | undefined;
  readonly timeZone?: string;
  readonly jitter?: string;
  readonly as?: BackendName;
  readonly print?: boolean;
  readonly user?: boolean;
  readonly root?: string;
  readonly ifDue?: string;
}

export const scheduleCommand: Verb<ScheduleArguments> = {
  command: "schedule <action> [what]",
  describe: "Run backups, drills, scrubs and prunes by systemd timers or cron: install, status, show, remove",
  builder: (parser) =>
    parser
      .positional("action", { choices: actions, demandOption: true, describe: "What to do; run: one task now" })
      .positional("what", { type: "string", describe: "hourly, daily, weekly or a cron expression; of run: the task" })
      .options({
        task: { choices: taskNames, array: true, requiresArg: true, describe: "These alone; otherwise all" },
        "time-zone": { type: "string", requiresArg: true, describe: "Of the schedules (BACKUP_TIME_ZONE)" },
        jitter: { type: "string", requiresArg: true, describe: "Delay runs by up to so long: 5m (BACKUP_JITTER)" },
        as: { choices: backendNames, requiresArg: true, describe: "systemd or cron; what this host has" },
        print: { type: "boolean", describe: "Only print what would be installed" },
        user: { type: "boolean", describe: "For this user alone: needs no root" },
        root: { type: "string", requiresArg: true, describe: "Write below this directory (an image); start nothing" },
        "if-due": { type: "string", requiresArg: true, describe: "Of run: only where this schedule wants one now" },
      })
      .example("$0 schedule install hourly", "backups hourly, everything else as usual")
      .example('$0 schedule install "30 6 * * 1" --task drill', "drills on Monday mornings, the rest as it is")
      .example("$0 schedule install daily --print", "what that would write"),
  run: ({ timeZone, jitter, ...args }) => {
    const flags = { ...(timeZone !== undefined && { timeZone }), ...(jitter !== undefined && { jitter }) };
    if (args.action === "run") {
      // Where Docker is down it is the run that fails: so that it is remembered, and told.
      const environmentFile = scheduleEnvironmentFile();
      const name = taskNames.find((each) => each === args.what);
      const log = name ?? "schedule";
      const notOpened: Needs["notOpened"] = async (error, options) =>
        name === undefined ? [] : failedToOpen(name, error, options);
      return runVerb(args, { flags, storeOnly: true, environmentFile, log, notOpened }, (session) =>
        runOnSchedule(args, session),
      );
    }
    const act = { install, status, show, remove }[args.action];
    return runVerb(args, { flags, storeOnly: true, onlyLooks: true }, (session) => act(args, session));
  },
};

type Arguments = ScheduleArguments & GlobalArguments;

async function install(args: Arguments, session: Session): Promise<ExitCode> {
  const { config, system, printer } = session;
  const { settings } = config;
  const plan = await planOf(args, session);
  const backend = await openBackend(placeOf(args), args.as);
  for (const warning of hiddenVariables(process.env)) printer.warning(warning);
  const files = backend.render(plan).flatMap((task) => task.files);
  if (args.print === true) {
    printer.result("schedule-files", { backend: backend.name, files }, () => formatFiles(files));
    return exitCode.ok;
  }
  const isLive = args.root === undefined;
  // What runs may write to must be there before they are shut out of everything else.
  if (isLive) await system.store.prepare();
  const history = isLive ? runHistory(settings, undefined, (problem) => printer.warning(problem)) : undefined;
  for (const task of plan.tasks) {
    const daemon = history && (await livingDaemon(task, history));
    if (daemon !== undefined) printer.warning(`a daemon (${daemon}) runs ${task.name}: end it, or it comes twice`);
  }
  const isWhole = args.task === undefined;
  const changes = await installSchedule(backend, plan, { isWhole, history });
  await removeOther(args, session, backend.name);
  if (isLive) await noteChange(session, "install", backend.name, changes);
  const tasks = plan.tasks.map(({ name, schedule }) => ({ task: name, ...schedule }));
  printer.result("schedule-installed", { backend: backend.name, tasks, changes }, () =>
    formatChanges(backend.name, plan.tasks, changes),
  );
  if (isLive && args.user === true && backend.name === "systemd") {
    printer.warning("timers of a user stop when he logs out, unless he lingers: `loginctl enable-linger`");
  }
  return exitCode.ok;
}

/** Two of them would run everything twice. */
async function removeOther(args: Arguments, { printer }: Session, kept: BackendName): Promise<void> {
  for (const name of backendNames.filter((each) => each !== kept)) {
    const other = await openBackend(placeOf(args), name);
    const found = await other.installed().catch(() => []);
    if (found.length === 0) continue;
    printer.warning(`what was installed as ${name} is removed: runs would come twice`);
    await other.remove(args.task);
  }
}

async function status(args: Arguments, session: Session): Promise<ExitCode> {
  const { config, system, printer } = session;
  const plan = await planOf({ task: args.task, config: args.config, dir: args.dir }, session);
  const history = runHistory(config.settings, undefined, (problem) => printer.warning(problem));
  const backend = await installedBackend(args).catch(async (error: unknown) => {
    // Where there is neither systemd nor cron, as in a container, a daemon does without.
    const daemons = await Promise.all(plan.tasks.map((task) => livingDaemon(task, history)));
    if (daemons.every((daemon) => daemon === undefined)) throw error;
    return openBackend(placeOf(args), "systemd");
  });
  const tasks = await scheduleStatus(backend, plan, { system, history, configured: config.settings });
  printer.result("schedule-status", { backend: backend.name, tasks }, () => formatScheduleStatus(backend.name, tasks));
  return tasks.every(({ problems }) => problems.length === 0) ? exitCode.ok : exitCode.failed;
}

async function show(args: Arguments, { printer }: Session): Promise<ExitCode> {
  const backend = await installedBackend(args);
  const files = (await backend.installed()).flatMap((task) => task.files);
  printer.result("schedule-files", { backend: backend.name, files }, () => formatFiles(files));
  return exitCode.ok;
}

async function remove(args: Arguments, session: Session): Promise<ExitCode> {
  const { printer } = session;
  const names = args.as === undefined ? backendNames : [args.as];
  const changes: Change[] = [];
  for (const name of names) {
    const backend = await openBackend(placeOf(args), name);
    const found = await backend.installed().catch(unlessChosen(args.as));
    if (found.length > 0) changes.push(...(await backend.remove(args.task)));
  }
  await noteChange(session, "remove", names.join(", "), changes);
  printer.result("schedule-removed", { changes }, () => formatChanges(undefined, [], changes));
  return exitCode.ok;
}

async function noteChange({ system }: Session, what: string, by: string, changes: readonly Change[]): Promise<void> {
  const files = changes.map(({ path, change }) => `${change} ${path}`);
  await system.noteAudit({ action: "schedule", databases: [], outcome: "ok", details: { what, by, files } });
}

/** The one that something is installed by, else the one that would be chosen. */
async function installedBackend(args: Arguments): Promise<Backend> {
  for (const name of args.as === undefined ? backendNames : []) {
    const backend = await openBackend(placeOf(args), name);
    if ((await backend.installed().catch(() => [])).length > 0) return backend;
  }
  return openBackend(placeOf(args), args.as);
}

/** A cron that is not there has nothing installed; one that was asked for must answer. */
function unlessChosen(chosen: BackendName | undefined): (error: unknown) => [] {
  return (error) => {
    if (chosen !== undefined) throw error;
    return [];
  };
}

async function planOf(
  { task, what, config: given, dir }: Partial<Pick<Arguments, "task" | "what" | "config" | "dir">>,
  { config }: Session,
): Promise<SchedulePlan> {
  const tasks = plannedTasks(config.settings, { tasks: task, schedule: what });
  if (tasks.length === 0) {
    throw new BackupError("configuration", "every schedule is off: there is nothing to install", {
      operation: "schedule",
      hint: "say when: sutazai-backup schedule install hourly",
    });
  }
  const program = await commandLine({ config: config.file ?? given, dir });
  return schedulePlan(config.settings, tasks, {
    command: ({ name }) => [...program, "schedule", "run", name],
    wakeCommand: ({ name, schedule, jitterMs }) =>
      [...program, "schedule", "run", name, "--if-due", schedule.expression].concat(
        ["--time-zone", schedule.timeZone],
        ["--jitter", String(jitterMs)],
      ),
  });
}

function placeOf({ user, root }: Arguments): Place {
  return { scope: user === true ? "user" : "system", root: root === undefined ? "/" : resolve(root), home: homedir() };
}
