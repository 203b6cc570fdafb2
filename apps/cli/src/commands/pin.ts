import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface PinArguments {
  readonly id: string;
  readonly reason: string;
  readonly wait?: boolean;
}

export const pinCommand: Verb<PinArguments> = {
  command: "pin <id>",
  describe: "Keep a backup from every prune",
  builder: (parser) =>
    parser
      .positional("id", { type: "string", demandOption: true, describe: "Backup" })
      .option("reason", {
        type: "string",
        demandOption: true,
        requiresArg: true,
        describe: "Why, for those who come after",
      })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" }),
  run: ({ id, reason, wait, ...args }) =>
    runVerb(args, { storeOnly: true }, async ({ system, printer, signal }) => {
      await system.pin(id, { reason, wait: wait ?? false, signal });
      printer.result("pinned", { id, reason }, () => `${id} is pinned: ${reason}`);
      return exitCode.ok;
    }),
};
