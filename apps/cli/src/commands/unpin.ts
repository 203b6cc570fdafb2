import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

interface UnpinArguments {
  readonly id: string;
  readonly wait?: boolean;
}

export const unpinCommand: Verb<UnpinArguments> = {
  command: "unpin <id>",
  describe: "Leave a pinned backup to the rules of retention again",
  builder: (parser) =>
    parser
      .positional("id", { type: "string", demandOption: true, describe: "Backup" })
      .option("wait", { type: "boolean", describe: "Wait for locks instead of failing" }),
  run: ({ id, wait, ...args }) =>
    runVerb(args, { storeOnly: true }, async ({ system, printer, signal }) => {
      const lifted = await system.unpin(id, { wait: wait ?? false, signal });
      printer.result("unpinned", { id, lifted: lifted ?? null }, () =>
        lifted === undefined
          ? `${id} was not pinned`
          : `${id} is no longer pinned (it was, since ${lifted.at}: ${lifted.reason})`,
      );
      return exitCode.ok;
    }),
};
