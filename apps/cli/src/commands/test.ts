import { formatSelfTest, keepSelfTest, runSelfTest, selfTestSubject, type SelfTestReport } from "@sutazai/backup-sdk";
import { toBackupError } from "@sutazai/backup-core";
import { runBareVerb } from "../bare-verb.ts";
import { exitCode, type ExitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";

interface TestArguments {
  readonly dryRun?: boolean;
  readonly notify?: boolean;
}

export const testCommand: Verb<TestArguments> = {
  command: "test",
  describe: "Look whether everything is as it must be for backups and restores to succeed; a drill of each database",
  builder: (parser) =>
    parser
      .option("dry-run", { type: "boolean", describe: "Touch nothing: no write, no drill, no message" })
      .option("notify", { type: "boolean", describe: "Send a test message through every channel" })
      .conflicts("dry-run", "notify"),
  run: ({ dryRun = false, notify = false, ...args }) =>
    runBareVerb(args, async ({ printer, signal }) => {
      const subject = selfTestSubject({
        configFile: args.config,
        flags: { ...(args.dir !== undefined && { dir: args.dir }) },
        onEvent: (event) => printer.event(event),
      });
      const report = await runSelfTest({
        ...subject,
        dryRun,
        notify,
        signal,
        onResult: (result) => {
          if (args.json === true) printer.result("check", result, () => "");
        },
      });
      printer.result("self-test-report", { report }, () => formatSelfTest(report));
      if (!dryRun) {
        await subject.open().then(
          async ({ config }) => {
            const kept = await keepSelfTest(config.settings, report);
            printer.result("self-test-kept", kept, () => `report: ${kept.html}`);
          },
          // Without settings there is no place for it; the report says so itself.
          (error: unknown) => printer.warning(`the report is not kept: ${toBackupError(error).reason}`),
        );
      }
      return exitCodeOf(report);
    }),
};

function exitCodeOf({ status, damaged }: SelfTestReport): ExitCode {
  if (status === "cancelled") return exitCode.cancelled;
  if (damaged) return exitCode.verificationFailed;
  return status === "ok" ? exitCode.ok : exitCode.failed;
}
