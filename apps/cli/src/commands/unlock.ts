import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

export const unlockCommand: Verb<object> = {
  command: "unlock",
  describe: "Break the locks of the store and of the databases; only when their holders are gone",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, { onlyLooks: true }, async ({ system, printer }) => {
      const { store, databases } = await system.unlock();
      printer.result("unlocked", { store, databases }, () =>
        [
          ...store.map(
            ({ mode, holder, since, liveness }) =>
              `store: ${mode} lock of ${holder} since ${since} (${liveness}) broken`,
          ),
          ...databases.map((name) => `${name}: lock broken`),
          ...(store.length + databases.length === 0 ? ["nothing was locked"] : []),
        ].join("\n"),
      );
      return exitCode.ok;
    }),
};
