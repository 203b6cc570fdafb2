import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface VerifyArguments {
  readonly id?: string;
  readonly name?: readonly string[];
  readonly level?: "checksum" | "structure";
  readonly wait?: boolean;
}

export const verifyCommand: Verb<VerifyArguments> = {
  command: "verify [id]",
  describe: "Prove backups again: one, or all of them",
  builder: (parser) =>
    parser
      .positional("id", { type: "string", describe: "Backup" })
      .option("name", { type: "string", array: true, requiresArg: true, describe: "Backups of this database" })
      .option("level", {
        choices: ["checksum", "structure"] as const,
        default: "structure" as const,
        describe: "How far to go",
      })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" }),
  run: (args) =>
    runVerb(args, { storeOnly: true }, async ({ system, printer, signal }) => {
      const results = await system.verify({
        ...(args.id !== undefined && { backup: args.id }),
        databases: args.name ?? [],
        level: args.level ?? "structure",
        wait: args.wait ?? false,
        signal,
        onResult: (result) =>
          printer.result("verified", result, () =>
            [
              `${result.id} ${result.database}: ${result.ok ? `ok (${args.level ?? "structure"})` : "DAMAGED"}`,
              ...result.problems.map((problem) => `  ✗ ${problem}`),
            ].join("\n"),
          ),
      });
      const damaged = results.filter(({ ok }) => !ok).length;
      printer.result(
        "verify-report",
        { backups: results.length, damaged },
        () => `${results.length} verified, ${damaged} damaged`,
      );
      return damaged === 0 ? exitCode.ok : exitCode.verificationFailed;
    }),
};
