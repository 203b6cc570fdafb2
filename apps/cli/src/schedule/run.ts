import { BackupError, runHistory, runScheduled, scheduleOf, taskNames, type TaskName } from "@sutazai/backup-sdk";
import type { ScheduleArguments } from "../commands/schedule.ts";
import { exitCode, type ExitCode } from "../exit-codes.ts";
import type { GlobalArguments, Session } from "../session.ts";

/** What timers and crontabs call: one task, remembered with how it ended. */
export async function runOnSchedule(
  { what, ifDue, json }: ScheduleArguments & GlobalArguments,
  { config, system, printer, signal }: Session,
): Promise<ExitCode> {
  const name = taskOf(what);
  const { timeZone, jitter: jitterMs } = config.settings;
  const due = ifDue === undefined ? undefined : { schedule: scheduleOf(name, ifDue, timeZone), jitterMs };
  const history = runHistory(config.settings, undefined, (problem) => printer.warning(problem));
  const ran = await runScheduled(system, name, { history, signal, ifDue: due });
  await printer.close();
  if (ran.outcome === "ran") {
    const { type, value, text, status, isDamage } = ran.result;
    printer.result(type, value, () => text);
    return isDamage ? exitCode.verificationFailed : exitCode[status];
  }
  if (ran.outcome === "busy") {
    printer.result(
      "task-busy",
      { task: name, by: ran.by },
      () => `${name} runs already: ${ran.by ?? "another process"}`,
    );
    return ifDue === undefined ? exitCode.locked : exitCode.ok;
  }
  // A cron asks every hour: its log need not tell that there was nothing to do.
  if (json === true) printer.result("not-due", { task: name, next: ran.next }, () => "");
  return exitCode.ok;
}

function taskOf(what: string | undefined): TaskName {
  const name = taskNames.find((each) => each === what);
  if (name !== undefined) return name;
  throw new BackupError("configuration", `there is no task ${JSON.stringify(what ?? "")}`, {
    operation: "schedule",
    hint: `known: ${taskNames.join(", ")}`,
  });
}
