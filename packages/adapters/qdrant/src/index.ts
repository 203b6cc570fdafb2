export { qdrantAdapter } from "./adapter.ts";
export { classifyError } from "./classify-error.ts";
export { formNames, qdrantOptionsSchema, type FormName, type QdrantOptions } from "./options.ts";
