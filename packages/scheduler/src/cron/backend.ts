import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { BackupError } from "@sutazai/backup-core";
import { putFile, readIfThere, removeFile } from "../files.ts";
import { taskOf, type Backend, type Change, type InstalledTask, type Place, type PlannedTask } from "../plan.ts";
import { runProgram, type RunProgram } from "../program.ts";
import type { BackendOptions } from "../systemd/backend.ts";
import { cronDaemon } from "./processes.ts";
import { tableOf } from "./table.ts";

/** A file in `/etc/cron.d` for each task; of a user, a marked part of his crontab. */
export function cronBackend({ place, run = runProgram, now = () => new Date() }: BackendOptions): Backend {
  const tables = place.scope === "system" ? systemTables(place) : crontab(run, place);
  const render: Backend["render"] = (plan) =>
    plan.tasks.map((task) => ({
      task,
      files: [{ path: tables.pathOf(task), text: tableOf(plan, task, place, now()) }],
    }));
  return {
    name: "cron",
    render,
    installed: () => tables.installed(),
    remove: async (names) => {
      const installed = await tables.installed();
      return tables.remove(installed.filter(({ task }) => names === undefined || names.includes(task.name)));
    },
    install: async (plan) => {
      if (place.root === "/") await mkdir(plan.logDirectory, { recursive: true, mode: 0o700 });
      return tables.put(render(plan));
    },
    timerState: async () => {
      if (place.root !== "/" || (await cronDaemon()) !== undefined) return { isActive: true };
      return { isActive: false, problem: "no cron is running on this host: start it (`service cron start`)" };
    },
  };
}

interface Tables {
  pathOf(task: PlannedTask): string;
  installed(): Promise<InstalledTask[]>;
  put(tasks: readonly InstalledTask[]): Promise<Change[]>;
  remove(tasks: readonly InstalledTask[]): Promise<Change[]>;
}

function systemTables(place: Place): Tables {
  const directory = join(place.root, "etc/cron.d");
  return {
    pathOf: ({ name }) => join(directory, `sutazai-backup-${name}`),
    installed: async () => {
      const names = await readdir(directory).catch(() => []);
      const found: InstalledTask[] = [];
      for (const name of names.filter((each) => /^sutazai-backup-[a-z]+$/.test(each)).sort()) {
        const path = join(directory, name);
        const file = { path, text: (await readIfThere(path)) ?? "" };
        const task = taskOf(file);
        if (task !== undefined) found.push({ task, files: [file] });
      }
      return found;
    },
    put: async (tasks) => {
      const changes: Change[] = [];
      for (const file of tasks.flatMap(({ files }) => files)) changes.push(await putFile(file, place));
      return changes;
    },
    remove: async (tasks) => {
      const changes: Change[] = [];
      for (const { path } of tasks.flatMap(({ files }) => files)) changes.push(...(await removeFile(path, place)));
      return changes;
    },
  };
}

const markOf = (name: string) => [`# sutazai-backup ${name} {\n`, `# sutazai-backup ${name} }\n`] as const;

function crontab(run: RunProgram, { root }: Place): Tables {
  const pathOf = () => "crontab";
  const read = async (): Promise<string> => {
    if (root !== "/") throw unsupportedRoot();
    const { code, stdout, stderr } = await run("crontab", ["-l"]);
    // A user with none is told so with code 1.
    if (code !== 0 && !/no crontab/i.test(stderr)) throw failed(stderr);
    return code === 0 ? stdout : "";
  };
  const write = async (before: string, after: string): Promise<void> => {
    if (before === after) return;
    const { code, stderr } = after === "" ? await run("crontab", ["-r"]) : await run("crontab", ["-"], after);
    if (code !== 0) throw failed(stderr);
  };
  return {
    pathOf,
    installed: async () =>
      [...(await read()).matchAll(/^# sutazai-backup ([a-z]+) \{\n(.*?)^# sutazai-backup \1 \}$/gms)].flatMap(
        ([, , text = ""]) => {
          const file = { path: pathOf(), text };
          const task = taskOf(file);
          return task === undefined ? [] : [{ task, files: [file] }];
        },
      ),
    put: async (tasks) => {
      const before = await read();
      let after = before;
      const changes = tasks.map(({ task, files }): Change => {
        const with_ = withPart(after, task.name, files.map(({ text }) => text).join(""));
        const change = with_ === after ? "unchanged" : "written";
        after = with_;
        return { path: `crontab: ${task.name}`, change };
      });
      await write(before, after);
      return changes;
    },
    remove: async (tasks) => {
      const before = await read();
      await write(
        before,
        tasks.reduce((text, { task }) => withPart(text, task.name, undefined), before),
      );
      return tasks.map(({ task }) => ({ path: `crontab: ${task.name}`, change: "removed" }));
    },
  };
}

/** The crontab with the marked part of a task replaced, added at its end, or taken out; everything else byte for byte as it was. */
function withPart(text: string, name: string, part: string | undefined): string {
  const [begin, end] = markOf(name);
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  const marked = part === undefined ? "" : begin + part + end;
  if (from < 0 || to < 0)
    return part === undefined ? text : `${text === "" || text.endsWith("\n") ? text : `${text}\n`}${marked}`;
  return text.slice(0, from) + marked + text.slice(to + end.length);
}

function failed(stderr: string): BackupError {
  return new BackupError("permission", `crontab refused: ${stderr.trim()}`, {
    operation: "schedule",
    hint: "see /etc/cron.allow and /etc/cron.deny",
  });
}

function unsupportedRoot(): BackupError {
  return new BackupError("unsupported", "a crontab of a user cannot be written below another root", {
    operation: "schedule",
    hint: "leave --user out: the file is then written to etc/cron.d below it",
  });
}
