import { stat } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "@sutazai/backup-reporter";
import { fail, pass, warn, type Check } from "../check.ts";
import { measureWriting } from "../writing.ts";

const few = 4096;

export const storeChecks: readonly Check[] = [
  {
    id: "locks.store",
    layer: "locks",
    title: "No lock is left on the store",
    needs: ["store"],
    run: async (subject) => {
      const holders = await (await subject.opened()).system.store.lockHolders();
      const dead = holders.filter(({ liveness }) => liveness === "dead");
      const foreign = holders.filter(({ liveness }) => liveness === "foreign");
      const tell = (found: typeof holders) => found.map(({ holder, since }) => `${holder} since ${since}`).join(", ");
      if (foreign.length > 0)
        return warn(tell(foreign), "where that host no longer runs a backup: `sutazai-backup unlock`");
      if (dead.length > 0) return warn(`left by dead processes: ${tell(dead)}`, "the next run takes them over");
      return pass(holders.length === 0 ? "nobody holds one" : `in use: ${tell(holders)}`);
    },
  },
  {
    id: "locks.usable",
    layer: "locks",
    title: "The store can be locked",
    needs: ["configuration"],
    effect: "writes",
    run: async (subject, signal) => {
      const { store } = (await subject.opened()).system;
      await store.prepare();
      const lock = await store.lock("shared", { wait: false, signal });
      await lock[Symbol.asyncDispose]();
      return pass("locked and let go");
    },
  },
  {
    id: "store.there",
    layer: "store",
    title: "The store is there",
    needs: ["configuration"],
    run: async (subject) => {
      const { store } = await subject.directories();
      const found = await stat(store).catch(() => undefined);
      if (found === undefined)
        return warn(
          `there is no ${store} yet`,
          "the first backup makes it; where there were backups, see that its disk is mounted",
        );
      return found.isDirectory() ? pass(store) : fail(`${store} is not a directory`, "set dir (BACKUP_DIR) to another");
    },
  },
  {
    id: "store.ready",
    layer: "store",
    title: "The store can be made ready",
    needs: ["configuration"],
    effect: "writes",
    run: async (subject) => {
      const { store } = (await subject.opened()).system;
      await store.prepare();
      return pass(store.location);
    },
  },
  {
    id: "store.writable",
    layer: "store",
    title: "What is written to the store can be read back",
    needs: ["configuration"],
    effect: "writes",
    alone: true,
    run: async (subject) => {
      const { bytes, ms } = await subject.writing();
      return pass(`${formatBytes(bytes)} written to the disk in ${Math.round(ms)} ms, read back, removed`);
    },
  },
  {
    id: "store.readable",
    layer: "store",
    title: "Every backup in the store can be listed",
    needs: ["report"],
    run: async (subject) => {
      const listed = await (await subject.opened()).system.list();
      const damaged = listed.filter(
        ({ problem }) => problem !== undefined && problem.reason !== "incompatible-version",
      );
      if (damaged.length === 0) return pass(`${listed.length} backups`);
      const { id, problem } = damaged[0]!;
      return {
        ...fail(
          `${damaged.length} cannot, the first is ${id}: ${problem?.message}`,
          "restore none of them; look at the disk",
        ),
        isDamage: true,
      };
    },
  },
  {
    id: "store.log",
    layer: "store",
    title: "The store's log is a whole chain",
    needs: ["store"],
    run: async (subject) => pass(`${(await (await subject.opened()).system.store.log()).length} entries`),
  },
  {
    id: "store.unchanged",
    layer: "store",
    title: "What the store holds is what its log tells",
    needs: ["store"],
    run: async (subject) => {
      const { store } = (await subject.opened()).system;
      const there = new Set<string>();
      for (const { backup, action } of await store.log()) {
        if (action === "publish") there.add(backup);
        else there.delete(backup);
      }
      const listed = new Set((await store.list()).map(({ id }) => id));
      const lost = [...there].filter((id) => !listed.has(id));
      const strange = [...listed].filter((id) => !there.has(id));
      if (lost.length > 0)
        return fail(
          `in the log and gone: ${lost.join(", ")}`,
          "`sutazai-backup verify --log`; find out who removed them",
        );
      return strange.length === 0
        ? pass(`${there.size} backups`)
        : warn(`not in the log: ${strange.join(", ")}`, "verify them before they are restored");
    },
  },
  {
    id: "store.unencrypted",
    layer: "store",
    title: "Whoever gets at the store cannot read the backups",
    needs: ["configuration"],
    run: () => warn("backups are not encrypted", "keep the store on an encrypted disk, and out of reach of others"),
  },
  {
    id: "journal.clean",
    layer: "journal",
    title: "Nothing is left half done",
    needs: ["configuration"],
    run: async (subject) => {
      const pending = await (await subject.opened()).system.pending();
      const left = pending.filter(({ liveness }) => liveness === "dead");
      if (left.length > 0)
        return fail(
          left.map(({ command, database, startedAt }) => `${command} of ${database}, begun ${startedAt}`).join("; "),
          "run `sutazai-backup recover`",
        );
      return pass(pending.length === 0 ? "nothing" : `${pending.length} under way`);
    },
  },
  {
    id: "journal.writable",
    layer: "journal",
    title: "The journal can be written to the disk",
    needs: ["configuration"],
    effect: "writes",
    run: async (subject) => {
      const { state } = await subject.directories();
      await measureWriting(state, few);
      return pass(`written, read back and removed in ${state}`);
    },
  },
  {
    id: "journal.local",
    layer: "journal",
    title: "The journal is on this host",
    needs: ["configuration"],
    run: async (subject) => {
      const { state } = await subject.directories();
      const pending = await (await subject.opened()).system.pending();
      const foreign = pending.filter(({ liveness }) => liveness === "foreign");
      return foreign.length === 0
        ? pass(join(state, "journal"))
        : warn(
            `another host writes to ${state}: ${foreign.map(({ host }) => host).join(", ")}`,
            "give each host a state directory of its own",
          );
    },
  },
];
