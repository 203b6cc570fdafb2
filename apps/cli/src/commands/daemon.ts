import { metricsText, plannedTasks, runDaemon, runHistory, taskNames, type TaskName } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import { formatDaemonEvent } from "../printers/schedule.ts";
import { runVerb } from "../session.ts";
import type { Verb } from "../verb.ts";

interface DaemonArguments {
  readonly task?: readonly TaskName[];
  readonly timeZone?: string;
  readonly jitter?: string;
  readonly host?: string;
  readonly port?: number;
  readonly grace?: string;
}

export const daemonCommand: Verb<DaemonArguments> = {
  command: "daemon",
  describe: "Run everything on its schedule in this process, as in a container; ends with SIGTERM",
  builder: (parser) =>
    parser.options({
      task: { choices: taskNames, array: true, requiresArg: true, describe: "These alone; all that are not off" },
      "time-zone": { type: "string", requiresArg: true, describe: "Of the schedules (BACKUP_TIME_ZONE)" },
      jitter: { type: "string", requiresArg: true, describe: "Delay runs by up to so long: 5m (BACKUP_JITTER)" },
      host: { type: "string", requiresArg: true, describe: "Where /healthz answers (BACKUP_DAEMON_HOST)" },
      port: { type: "number", requiresArg: true, describe: "BACKUP_DAEMON_PORT" },
      grace: {
        type: "string",
        requiresArg: true,
        describe: "Let a run go on so long at the end (BACKUP_DAEMON_GRACE)",
      },
    }),
  run: ({ task, timeZone, jitter, host, port, grace, ...args }) => {
    const daemon = {
      ...(host !== undefined && { host }),
      ...(port !== undefined && { port }),
      ...(grace !== undefined && { grace }),
    };
    const flags = { daemon, ...(timeZone !== undefined && { timeZone }), ...(jitter !== undefined && { jitter }) };
    return runVerb(
      args,
      { flags, storeOnly: true, isLong: true },
      async ({ config, system, notifier, telemetry, printer, signal, reopen }) => {
        const { settings } = config;
        await runDaemon({
          tasks: plannedTasks(settings, { tasks: task }),
          history: runHistory(settings, undefined, (problem) => printer.warning(problem)),
          settings: settings.daemon,
          open: (name) => reopen({ storeOnly: true, log: name }),
          signal,
          metrics: async () => metricsText(await system.report()),
          notifier,
          telemetry,
          report: () => system.report(),
          onWarning: (message) => printer.warning(message),
          onListening: (listening) =>
            printer.result(
              "daemon",
              { host: settings.daemon.host, port: listening },
              () => `health endpoint: http://${settings.daemon.host}:${listening}/healthz`,
            ),
          onEvent: (event) => printer.result(event.type, event, () => formatDaemonEvent(event)),
          onResult: (_, { type, value, text }) => printer.result(type, value, () => text),
        });
        return exitCode.ok;
      },
    );
  },
};
