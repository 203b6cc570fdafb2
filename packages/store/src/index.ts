export { directoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
