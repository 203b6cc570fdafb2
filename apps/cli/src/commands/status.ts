import { formatLook, lookAsJson } from "@sutazai/backup-sdk";
import type { Verb } from "../verb.ts";
import { exitCodeOfLook } from "../exit-codes.ts";
import { runVerb } from "../session.ts";

export const statusCommand: Verb<object> = {
  command: "status",
  describe: "Look at everything, and tell how it stands: the store, Docker, the databases, the schedule",
  builder: (parser) => parser,
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer, signal }) => {
      const look = await system.look({ signal });
      const told = await system.told();
      printer.result("status", { ...lookAsJson(look), told }, () => formatLook(look, told));
      return exitCodeOfLook(look);
    }),
};
