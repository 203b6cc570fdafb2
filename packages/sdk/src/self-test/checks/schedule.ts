import { plannedTasks } from "../../schedule/schedule.ts";
import { fail, pass, skip, warn, type Check } from "../check.ts";

export const scheduleChecks: readonly Check[] = [
  {
    id: "schedule.installed",
    layer: "schedule",
    title: "Something starts the backups by itself",
    needs: ["configuration"],
    run: async (subject) => {
      const { by, isWanted } = await subject.scheduler();
      if (by !== null) return pass(by);
      return isWanted
        ? warn("no timer, no crontab, and no daemon that answers", "`sutazai-backup schedule install`")
        : skip("every schedule is off");
    },
  },
  {
    id: "schedule.complete",
    layer: "schedule",
    title: "Every task that is to run is installed, as it is configured",
    needs: ["configuration"],
    run: async (subject) => {
      const { by, tasks } = await subject.scheduler();
      if (by === null) return skip("nothing is installed");
      const { settings } = (await subject.opened()).config;
      const wanted = plannedTasks(settings);
      const missing = wanted.filter(({ name }) => tasks.every(({ task }) => task !== name)).map(({ name }) => name);
      const other = wanted
        .filter(({ name }) => settings.schedules[name as keyof typeof settings.schedules] !== undefined)
        .filter(({ name, schedule }) =>
          tasks.some((each) => each.task === name && each.schedule.expression !== schedule.expression),
        )
        .map(({ name }) => name);
      const again = "`sutazai-backup schedule install`";
      if (missing.includes("backup")) return fail(`not installed: ${missing.join(", ")}`, again);
      if (missing.length > 0) return warn(`not installed: ${missing.join(", ")}`, again);
      return other.length === 0
        ? pass(tasks.map(({ task }) => task).join(", "))
        : warn(`at other times: ${other.join(", ")}`, again);
    },
  },
  {
    id: "schedule.firing",
    layer: "schedule",
    title: "What is installed has been firing",
    needs: ["configuration"],
    run: async (subject) => {
      const { by, tasks } = await subject.scheduler();
      if (by === null) return skip("nothing is installed");
      const silent = tasks.filter(({ overdueSince, problem }) => overdueSince !== null || problem !== null);
      const tell = silent.map(({ task, overdueSince, problem }) =>
        [task, overdueSince === null ? "" : `overdue since ${overdueSince}`, problem ?? ""].filter(Boolean).join(": "),
      );
      return silent.length === 0
        ? pass("no run was missed")
        : fail(tell.join("; "), "see `sutazai-backup schedule status`");
    },
  },
];
