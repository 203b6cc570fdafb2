export { faissAdapter } from "./adapter.ts";
export { faissOptionsSchema, type FaissOptions } from "./options.ts";
