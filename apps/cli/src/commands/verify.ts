import { BackupError, formatBytes, formatDrillReport, type Coverage, type Share } from "@sutazai/backup-sdk";
import { exitCode, exitCodeOfDrill, type ExitCode } from "../exit-codes.ts";
import { formatVerifiedLog } from "../printers/verified-log.ts";
import type { Verb } from "../verb.ts";
import { runVerb, type Session } from "../session.ts";

interface VerifyArguments {
  readonly names?: readonly string[];
  readonly backup?: string;
  readonly all?: boolean;
  readonly share?: string;
  readonly level?: "checksum" | "structure" | "restore";
  readonly wait?: boolean;
  readonly log?: boolean;
  readonly head?: string;
  readonly accept?: boolean;
}

export const verifyCommand: Verb<VerifyArguments> = {
  command: "verify [names..]",
  describe: "Prove backups again: by reading all of them, or by restoring the newest good one of each database",
  builder: (parser) =>
    parser
      .positional("names", { type: "string", array: true, describe: "Databases; all unless named" })
      .option("level", {
        choices: ["checksum", "structure", "restore"] as const,
        default: "structure" as const,
        describe: "How far to go; restore: a drill in a throwaway server",
      })
      .option("backup", { type: "string", requiresArg: true, describe: "This backup alone" })
      .option("all", { type: "boolean", describe: "Every backup, also where the level is restore" })
      .option("share", { type: "string", requiresArg: true, describe: "Of all, one share of several: 1/7 to 7/7" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" })
      .option("log", { type: "boolean", describe: "Not the backups, but the store's log: from end to end" })
      .option("head", {
        type: "string",
        requiresArg: true,
        describe: "With --log: a head that was sent out, which it must still hold",
      })
      .option("accept", {
        type: "boolean",
        describe: "With --log: take it as it is from now on, where it was begun anew on purpose",
      })
      .implies({ head: "log", accept: "log" })
      .conflicts("log", ["backup", "all", "share"])
      .conflicts("backup", ["all", "share"]),
  run: (args) =>
    runVerb(args, { storeOnly: true, log: "verify" }, (session) =>
      args.log === true
        ? followLog(args, session)
        : args.level === "restore"
          ? drill(args, session)
          : read(args, session),
    ),
};

async function drill(args: VerifyArguments, { system, printer, signal }: Session): Promise<ExitCode> {
  const report = await system.drill({
    databases: args.names ?? [],
    ...(args.backup !== undefined && { backup: args.backup }),
    all: args.all ?? false,
    ...(args.share !== undefined && { share: shareOf(args.share) }),
    wait: args.wait ?? false,
    signal,
    onCoverage: (coverage) => tellCoverage(coverage, printer),
  });
  await printer.close();
  printer.result("drill-report", { report }, () => formatDrillReport(report));
  return exitCodeOfDrill(report);
}

async function read(args: VerifyArguments, { system, printer, signal }: Session): Promise<ExitCode> {
  const level = args.level === "checksum" ? args.level : "structure";
  const results = await system.verify({
    ...(args.backup !== undefined && { backup: args.backup }),
    databases: args.names ?? [],
    ...(args.share !== undefined && { share: shareOf(args.share) }),
    level,
    wait: args.wait ?? false,
    signal,
    onCoverage: (coverage) => tellCoverage(coverage, printer),
    onResult: (result) =>
      printer.result("verified", result, () =>
        [
          `${result.id} ${result.database}: ${result.ok ? `ok (${level})` : "DAMAGED"}`,
          ...result.problems.map((problem) => `  ✗ ${problem}`),
        ].join("\n"),
      ),
  });
  const damaged = results.filter(({ ok }) => !ok);
  printer.result("verify-report", { backups: results.length, damaged: damaged.length }, () =>
    [`${results.length} verified, ${damaged.length} damaged`, ...adviceFor(damaged)].join("\n"),
  );
  return damaged.length === 0 ? exitCode.ok : exitCode.verificationFailed;
}

/** What to do now that some are damaged. */
function adviceFor(damaged: readonly { readonly database: string }[]): string[] {
  if (damaged.length === 0) return [];
  const names = [...new Set(damaged.map(({ database }) => database))].join(" ");
  return [
    `  → make a new one and prove it: sutazai-backup backup ${names} --prove; a restore passes over what is known to be damaged`,
  ];
}

async function followLog(
  { head, accept = false, wait = false }: VerifyArguments,
  { system, printer, signal }: Session,
): Promise<ExitCode> {
  const log = await system.verifyLog({ ...(head !== undefined && { head }), accept, wait, signal });
  printer.result("log-verified", log, () => formatVerifiedLog(log));
  return log.ok ? exitCode.ok : exitCode.verificationFailed;
}

/** `2/7`. What is out of range is for the engine to say. */
function shareOf(text: string): Share {
  const [, number, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (number !== undefined && of !== undefined) return { number: Number(number), of: Number(of) };
  throw new BackupError("configuration", `--share: found ${JSON.stringify(text)}, allowed is a share like 1/7`, {
    operation: "verify",
    hint: "for all in seven runs: --share 1/7, --share 2/7, … --share 7/7",
  });
}

function tellCoverage(coverage: Coverage, printer: Session["printer"]): void {
  const { share, backups, bytes, allBackups, allBytes } = coverage;
  if (share.of === 1) return;
  printer.result(
    "coverage",
    coverage,
    () =>
      `share ${share.number} of ${share.of}: ${backups} of ${allBackups} backups, ${formatBytes(bytes)} of ${formatBytes(allBytes)}; shares 1 to ${share.of} together are every backup`,
  );
}
