import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { formatDuration } from "@sutazai/backup-reporter";
import { fail, pass, skip, warn, type Check } from "../check.ts";

/** No version of this program is older. */
const earliest = Date.parse("2025-01-01T00:00:00Z");
const slackMs = 5 * 60_000;
const run = promisify(execFile);

export const clockChecks: readonly Check[] = [
  {
    id: "clock.plausible",
    layer: "clock",
    title: "The clock shows a possible time",
    run: ({ now }) =>
      now.getTime() >= earliest ? pass(now.toISOString()) : fail(now.toISOString(), "set the clock: `timedatectl`"),
  },
  {
    id: "clock.synchronised",
    layer: "clock",
    title: "The clock is kept right by others",
    run: async (_subject, signal) => {
      const answer = await run("timedatectl", ["show", "--property=NTPSynchronized", "--value"], { signal }).catch(
        () => undefined,
      );
      const text = answer?.stdout.trim();
      if (text !== "yes" && text !== "no") return skip("this system does not tell (`timedatectl`)");
      return text === "yes" ? pass("it is synchronised") : warn("it is not synchronised", "`timedatectl set-ntp true`");
    },
  },
  {
    id: "clock.ahead",
    layer: "clock",
    title: "Nothing in the store is of the future",
    needs: ["store"],
    run: async (subject) => {
      const entries = await (await subject.opened()).system.store.log();
      if (entries.length === 0) return skip("nothing was ever published");
      const newest = Math.max(...entries.slice(-1000).map(({ at }) => Date.parse(at)));
      const ahead = newest - subject.now.getTime();
      return ahead <= slackMs
        ? pass(`the newest entry is of ${new Date(newest).toISOString()}`)
        : fail(
            `the newest entry is ${formatDuration(ahead)} ahead of this clock`,
            "set the clock: `timedatectl`; until then, nothing should be pruned",
          );
    },
  },
  {
    id: "clock.forwards",
    layer: "clock",
    title: "The clock has only gone forwards",
    needs: ["store"],
    run: async (subject) => {
      const times = (await (await subject.opened()).system.store.log()).map(({ at }) => Date.parse(at));
      if (times.length < 2) return skip("there is too little to compare");
      const back = times.findIndex((at, index) => at < (times[index - 1] ?? at) - slackMs);
      return back === -1
        ? pass(`through ${times.length} entries of the log`)
        : warn(
            `it was set back after ${new Date(times[back - 1] ?? 0).toISOString()}`,
            "keep it synchronised: `timedatectl set-ntp true`",
          );
    },
  },
];
