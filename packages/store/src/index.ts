export { directoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
export { LockDirectory, type HeldLock, type LockMode, type LockWait } from "./lock-directory.ts";
