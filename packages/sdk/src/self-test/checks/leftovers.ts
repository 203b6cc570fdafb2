import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "@sutazai/backup-core";
import { Staging } from "@sutazai/backup-store";
import { scratchPath } from "../../context.ts";
import { pass, warn, type Check } from "../check.ts";
import { testFile } from "../writing.ts";

export const leftoverChecks: readonly Check[] = [
  {
    id: "leftovers.staging",
    layer: "leftovers",
    title: "No half-written backup lies about",
    needs: ["store"],
    run: async (subject) => {
      const { store } = await subject.directories();
      const { system } = await subject.opened();
      // Whoever writes one holds a lock.
      if ((await system.store.lockHolders()).some(({ liveness }) => liveness !== "dead"))
        return pass("a run is under way");
      const left = await namesIn(join(store, ".staging"));
      return left.length === 0
        ? pass("none does")
        : warn(
            `${left.length} in ${join(store, ".staging")}`,
            "`sutazai-backup recover` removes what dead processes left",
          );
    },
  },
  {
    id: "leftovers.scratch",
    layer: "leftovers",
    title: "No scratch files of dead processes lie about",
    needs: ["configuration"],
    run: async (subject) => {
      const scratch = scratchPath({ stateDirectory: (await subject.directories()).state });
      const left = await new Staging(scratch).orphans();
      return left.length === 0
        ? pass("none do")
        : warn(`${left.length} in ${scratch}`, "`sutazai-backup recover` removes them");
    },
  },
  {
    id: "leftovers.tests",
    layer: "leftovers",
    title: "No file of an earlier test lies about",
    needs: ["configuration"],
    run: async (subject) => {
      const { store, state } = await subject.directories();
      const found = await Promise.all(
        [store, state].map(async (path) => (await namesIn(path)).map((name) => ({ path, name }))),
      );
      const left = found
        .flat()
        .filter(({ name }) => testFile.test(name))
        .map(({ path, name }) => join(path, name));
      return left.length === 0 ? pass("none does") : warn(left.join(", "), "where no other test runs, remove them");
    },
  },
  {
    id: "leftovers.docker",
    layer: "leftovers",
    title: "No container, network or volume of a dead process is left",
    needs: ["docker"],
    effect: "writes",
    run: async (subject) => {
      const removed = await subject.containers.removeOrphans();
      return removed.length === 0
        ? pass("none is")
        : warn(`removed now: ${removed.join(", ")}`, "see why that process died");
    },
  },
];

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  });
}
