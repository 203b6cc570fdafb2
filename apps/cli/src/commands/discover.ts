import { discover, table } from "@sutazai/backup-sdk";
import { exitCode } from "../exit-codes.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

export const discoverCommand: Verb<object> = {
  command: "discover",
  describe: "Show the containers that would be backed up, and those that look as if they should",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, { onlyLooks: true }, async ({ containers, printer }) => {
      const found = await discover(containers);
      printer.result("discovery", found, () =>
        table(
          ["container", "kind", "database", "why"],
          [
            ...found.databases.map(({ container, kind, name, by }) => [container, kind, name, `by its ${by}`]),
            ...found.candidates.map(({ container, kind, image }) => [
              container,
              kind,
              "–",
              `its image is ${image}: label it sutazai.backup=${kind} to have it backed up`,
            ]),
          ],
        ),
      );
      return exitCode.ok;
    }),
};
