import type { ContainerRuntime, JournalOperation } from "@sutazai/backup-core";

const graceSeconds = 300;

/** Stops a throwaway server cleanly, so that its files can be worked on; it is not started again. Throws `timeout` where it had to be killed. */
export function stopForGood(containers: ContainerRuntime, container: string): Promise<void> {
  return containers.stop(container, { journal: unrecorded, graceSeconds });
}

/** There is nothing to undo: its label is its journal. */
const unrecorded: JournalOperation = {
  id: "",
  record: (record) => Promise.resolve({ record, settle: () => Promise.resolve() }),
};
