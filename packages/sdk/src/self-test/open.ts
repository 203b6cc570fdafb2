import { dockerRuntime } from "@sutazai/backup-containers";
import { openBackupSystem, type OpenOptions } from "../open.ts";
import { lookAtScheduler } from "../monitor/schedule.ts";
import type { SubjectOptions } from "./subject.ts";

/** What `runSelfTest` looks at: what the configuration file, the environment and Docker describe, whatever they describe. */
export function selfTestSubject(
  options: OpenOptions = {},
): Pick<SubjectOptions, "open" | "containers" | "scheduler" | "configFile" | "environment" | "workingDirectory"> {
  return {
    containers: dockerRuntime(),
    environment: options.environment ?? process.env,
    workingDirectory: options.workingDirectory ?? process.cwd(),
    configFile: options.configFile,
    open: async () => {
      const { system, config, notifier } = await openBackupSystem({ ...options, storeOnly: true });
      return {
        system,
        config,
        sendTest: async (signal) => {
          if (notifier === undefined) return [];
          const { deliveries, pings } = await notifier.test({ signal });
          return [...deliveries, ...pings].map((sent) => ({
            channel: sent.channel,
            ...(sent.outcome === "failed" && { problem: `${sent.error.reason}: ${sent.error.message}` }),
          }));
        },
      };
    },
    scheduler: ({ system, config }) => lookAtScheduler({ settings: config.settings, system }),
  };
}
