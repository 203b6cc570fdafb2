export { directoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
export { LockDirectory, type HeldLock, type LockMode, type LockWait } from "./lock-directory.ts";
export { openLooseBackup, type LooseBackup } from "./loose-backup.ts";
