import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isBackupError } from "@sutazai/backup-core";
import { putFile, putLink, readIfThere, removeFile } from "../files.ts";
import {
  taskOf,
  type Backend,
  type Change,
  type InstalledFile,
  type InstalledTask,
  type Place,
  type PlannedTask,
  type TimerState,
} from "../plan.ts";
import { outputOf, runProgram, type RunProgram } from "../program.ts";
import { unitOf, unitsOf } from "./units.ts";

export interface BackendOptions {
  readonly place: Place;
  readonly run?: RunProgram;
  readonly now?: () => Date;
}

/** A service and a timer for each task. */
export function systemdBackend({ place, run = runProgram, now = () => new Date() }: BackendOptions): Backend {
  const directory =
    place.scope === "system"
      ? join(place.root, "etc/systemd/system")
      : join(place.root, place.home, ".config/systemd/user");
  const isLive = place.root === "/";
  const systemctl = (...args: readonly string[]) =>
    outputOf(run, "systemctl", ...(place.scope === "user" ? ["--user"] : []), ...args);
  const wantOf = (task: Pick<PlannedTask, "name">) => join(directory, "timers.target.wants", `${unitOf(task)}.timer`);

  const render: Backend["render"] = (plan) =>
    plan.tasks.map((task) => ({
      task,
      files: unitsOf(plan, task, place, now()).map(({ path, text }) => ({ path: join(directory, path), text })),
    }));

  const installed = async (): Promise<InstalledTask[]> => {
    const names = await readdir(directory).catch(() => []);
    const found = new Map<string, { task: PlannedTask; files: InstalledFile[] }>();
    // Of both files the timer counts: it says when.
    for (const name of names.filter((each) => /^sutazai-backup-[a-z]+\.(?:service|timer)$/.test(each)).sort()) {
      const path = join(directory, name);
      const file = { path, text: (await readIfThere(path)) ?? "" };
      const task = taskOf(file);
      if (task !== undefined) found.set(task.name, { task, files: [...(found.get(task.name)?.files ?? []), file] });
    }
    return [...found.values()];
  };

  const remove = async (names?: readonly string[]): Promise<Change[]> => {
    const changes: Change[] = [];
    const wanted = (await installed()).filter(({ task }) => names === undefined || names.includes(task.name));
    for (const { task, files } of wanted) {
      const timer = `${unitOf(task)}.timer`;
      if (isLive) {
        await systemctl("stop", timer);
        // When it last ran: one installed again much later must not believe that it has missed a run.
        await systemctl("clean", "--what=state", timer).catch(ignoringToolFailure);
      }
      for (const path of [wantOf(task), ...files.map((file) => file.path)]) {
        changes.push(...(await removeFile(path, place)));
      }
    }
    if (isLive && changes.length > 0) await systemctl("daemon-reload");
    return changes;
  };

  return {
    name: "systemd",
    render,
    installed,
    remove,
    install: async (plan) => {
      const changes: Change[] = [];
      for (const { task, files } of render(plan)) {
        for (const file of files) changes.push(await putFile(file, place));
        changes.push(await putLink(wantOf(task), join("..", `${unitOf(task)}.timer`), place));
      }
      if (isLive) {
        await systemctl("daemon-reload");
        const timers = plan.tasks.map((task) => `${unitOf(task)}.timer`);
        // Only `restart` makes a running timer read its new times; one that is unchanged is left alone.
        await systemctl(changes.some(({ change }) => change === "written") ? "restart" : "start", ...timers);
      }
      return changes;
    },
    timerState: async (task) => {
      if (!isLive) return { isActive: true };
      const shown = await systemctl("show", "--property=ActiveState,UnitFileState,Result", `${unitOf(task)}.timer`);
      return stateOf(shown, `${unitOf(task)}.timer`, place);
    },
  };
}

function stateOf(shown: string, timer: string, { scope }: Place): TimerState {
  const facts = Object.fromEntries(shown.split("\n").map((line) => line.split("=", 2))) as Record<string, string>;
  const { ActiveState: active, UnitFileState: file } = facts;
  const systemctl = scope === "user" ? "systemctl --user" : "systemctl";
  if (active !== "active") {
    const problem = `the timer is ${active ?? "not known to systemd"}: \`${systemctl} start ${timer}\` starts it`;
    return { isActive: false, problem };
  }
  return file === "enabled"
    ? { isActive: true }
    : { isActive: true, problem: `the timer does not start at boot: \`${systemctl} enable ${timer}\`` };
}

function ignoringToolFailure(error: unknown): undefined {
  if (isBackupError(error) && error.reason === "tool-failed") return undefined;
  throw error;
}
