import { stat } from "node:fs/promises";
import { isAbsolute, relative } from "node:path";
import { effectiveSettings } from "../../config-show/effective.ts";
import { policyOf } from "../../prune/policy.ts";
import { plannedTasks } from "../../schedule/schedule.ts";
import { fail, pass, skip, warn, type Check } from "../check.ts";

const writableByOthers = 0o022;
const readableByOthers = 0o044;

export const configurationChecks: readonly Check[] = [
  {
    id: "configuration.file",
    layer: "configuration",
    title: "The configuration file can be read",
    run: async (subject) => {
      const file = await subject.file();
      return file === undefined
        ? warn("there is none: what is backed up is found anew each time", "write one: `sutazai-backup init`")
        : pass(file.path);
    },
  },
  {
    id: "configuration.settings",
    layer: "configuration",
    title: "Every setting is known and allowed",
    run: async (subject) => {
      const { config } = await subject.opened();
      const given = effectiveSettings(config).filter(({ origin }) => origin !== "default").length;
      return pass(`${given} settings are given, everything else is as usual`);
    },
  },
  {
    id: "configuration.suspicious",
    layer: "configuration",
    title: "No setting looks like a mistake",
    needs: ["configuration"],
    run: async (subject) => {
      const { warnings } = (await subject.opened()).config;
      return warnings.length === 0 ? pass("nothing does") : warn(warnings.join("; "), "correct the name");
    },
  },
  {
    id: "configuration.databases",
    layer: "configuration",
    title: "Databases are known",
    needs: ["configuration"],
    run: async (subject) => {
      const names = (await subject.opened()).config.adapters.map(({ name }) => name);
      return names.length === 0
        ? fail(
            "no database is known: nothing would be backed up",
            "see `sutazai-backup discover`, then `sutazai-backup init`",
          )
        : pass(names.join(", "));
    },
  },
  {
    id: "configuration.file-mode",
    layer: "configuration",
    title: "Nobody else can change the configuration file",
    run: async (subject) => {
      const file = await subject.file();
      if (file === undefined) return skip("there is no configuration file");
      const { mode, uid } = await stat(file.path);
      if ((mode & writableByOthers) !== 0)
        return fail(`${file.path} can be written by others`, `chmod go-w ${file.path}`);
      const self = process.getuid?.();
      return self === undefined || uid === self || uid === 0
        ? pass("only its owner can")
        : fail(`${file.path} belongs to another user (${uid})`, `chown ${self} ${file.path}`);
    },
  },
  {
    id: "configuration.inline-secrets",
    layer: "configuration",
    title: "Secrets are in files of their own",
    needs: ["configuration"],
    run: async (subject) => {
      const { config } = await subject.opened();
      const inline = effectiveSettings(config)
        .filter(
          ({ value, setting, source }) => value === "**redacted**" && source?.startsWith(`${setting} in `) === true,
        )
        .map(({ setting }) => setting);
      return inline.length === 0
        ? pass("none is written in the configuration file")
        : warn(
            `in the configuration file itself: ${inline.join(", ")}`,
            "put each into a file (mode 0600) and name that: passwordFile",
          );
    },
  },
  {
    id: "configuration.secret-files",
    layer: "configuration",
    title: "Nobody else can read the files that hold secrets",
    needs: ["configuration"],
    run: async (subject) => {
      const files = effectiveSettings((await subject.opened()).config).flatMap(({ setting, value }) =>
        setting.endsWith("File") && setting !== "metricsFile" && typeof value === "string" ? [value] : [],
      );
      if (files.length === 0) return skip("no secret is given as a file");
      const open = [];
      for (const path of files) if (((await stat(path)).mode & readableByOthers) !== 0) open.push(path);
      return open.length === 0
        ? pass(`${files.length} looked at`)
        : warn(`others can read ${open.join(", ")}`, `chmod 0600 ${open.join(" ")}`);
    },
  },
  {
    id: "configuration.paths",
    layer: "configuration",
    title: "The directories are apart, and the same wherever the program is started",
    needs: ["configuration"],
    run: async (subject) => {
      const { dir, stateDir } = (await subject.opened()).config.settings;
      const isRelative = [dir, stateDir].filter((path) => !isAbsolute(path));
      if (isRelative.length > 0)
        return fail(`${isRelative.join(", ")} depends on where the program is started`, "write it as an absolute path");
      const { store, state } = await subject.directories();
      const within = relative(store, state);
      return within === "" || (!within.startsWith("..") && !isAbsolute(within))
        ? fail(
            "the state directory is within the store",
            "set stateDir (BACKUP_STATE_DIR) to another directory of this host",
          )
        : pass(`${store}, ${state}`);
    },
  },
  {
    id: "configuration.retention",
    layer: "configuration",
    title: "Retention keeps something",
    needs: ["configuration"],
    run: async (subject) => {
      const rules = Object.entries(policyOf((await subject.opened()).config.retention)).filter(
        ([, value]) => typeof value === "number" && value > 0,
      );
      return pass(rules.map(([rule, value]) => `${rule} ${String(value)}`).join(", "));
    },
  },
  {
    id: "configuration.schedules",
    layer: "configuration",
    title: "Backups and drills are to run by themselves",
    needs: ["configuration"],
    run: async (subject) => {
      const tasks = plannedTasks((await subject.opened()).config.settings);
      const off = ["backup", "drill"].filter((name) => tasks.every((task) => task.name !== name));
      return off.length === 0
        ? pass(tasks.map(({ name, schedule }) => `${name} "${schedule.expression}"`).join(", "))
        : warn(
            `switched off: ${off.join(", ")}`,
            "where nothing else starts them, set schedules.backup and schedules.drill",
          );
    },
  },
];
