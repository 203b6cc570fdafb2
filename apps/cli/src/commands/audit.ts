import { auditHead, isBackupError, reportTimes, type AuditEntry } from "@sutazai/backup-sdk";
import { exitCode, type ExitCode } from "../exit-codes.ts";
import { formatAudit } from "../printers/audit.ts";
import { runVerb, type Session } from "../session.ts";
import type { Verb } from "../verb.ts";

const actions = ["show", "verify"] as const;

interface AuditArguments {
  readonly action: (typeof actions)[number];
  readonly since?: string;
  readonly head?: string;
}

export const auditCommand: Verb<AuditArguments> = {
  command: "audit <action>",
  describe: "Who did what: show it, or verify that nothing in it was changed",
  builder: (parser) =>
    parser
      .positional("action", { choices: actions, demandOption: true, describe: "What to do" })
      .option("since", {
        type: "string",
        requiresArg: true,
        describe: "Of show: from so far back: 30d, 12h, or a date",
      })
      .option("head", {
        type: "string",
        requiresArg: true,
        describe: "Of verify: a head told earlier, which must be in it",
      }),
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, (session) =>
      args.action === "show" ? show(args, session) : verify(args, session),
    ),
};

async function show({ since }: AuditArguments, { system, printer }: Session): Promise<ExitCode> {
  const from = since === undefined ? undefined : reportTimes({ since }).since?.toISOString();
  const entries = (await system.audit()).filter(({ at }) => from === undefined || at >= from);
  printer.result("audit", { entries }, () => formatAudit(entries));
  return exitCode.ok;
}

async function verify({ head: given }: AuditArguments, { system, printer }: Session): Promise<ExitCode> {
  const { entries, problem } = await followed(system);
  const isGone = given !== undefined && entries.every(({ head }) => head !== given.toLowerCase());
  const problems = [
    ...(problem === undefined ? [] : [problem]),
    ...(problem === undefined && isGone
      ? ["the audit log does not hold the head given: it was cut short or written anew"]
      : []),
  ];
  const ok = problems.length === 0;
  const head = problem === undefined ? { head: auditHead(entries) } : {};
  printer.result("audit-verified", { ok, entries: entries.length, ...head, problems }, () =>
    [
      ok ? `audit log: ok (${entries.length} lines, head ${auditHead(entries)})` : "audit log: NOT AS IT SHOULD BE",
      ...problems.map((each) => `  ✗ ${each}`),
      "  not shown: whoever can write the file can write it anew; keep the head elsewhere, and compare with --head",
    ].join("\n"),
  );
  return ok ? exitCode.ok : exitCode.verificationFailed;
}

async function followed(
  system: Session["system"],
): Promise<{ readonly entries: readonly (AuditEntry & { readonly head: string })[]; readonly problem?: string }> {
  try {
    return { entries: await system.audit() };
  } catch (error) {
    if (isBackupError(error) && error.reason === "corrupt") return { entries: [], problem: error.message };
    throw error;
  }
}
