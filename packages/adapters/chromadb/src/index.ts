export { chromadbAdapter } from "./adapter.ts";
export { chromadbOptionsSchema, type ChromadbOptions } from "./options.ts";
