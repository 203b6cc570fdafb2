export * from "./adapter.ts";
export * from "./attempt.ts";
export * from "./bytes.ts";
export {
  ChainedLog,
  emptyHead,
  type ChainedLine,
  type ChainedLogOptions,
  type Linked,
  type OpenChain,
  type Said,
} from "./chained-log.ts";
export * from "./container-definition.ts";
export * from "./context.ts";
export * from "./durable.ts";
export * from "./error.ts";
export * from "./events.ts";
export * from "./fingerprint.ts";
export * from "./id.ts";
export { Journal, type FoundOperation } from "./journal.ts";
export * from "./journal-record.ts";
export * from "./json.ts";
export * from "./kind.ts";
export * from "./manifest.ts";
export { OpenOperation } from "./open-operation.ts";
export * from "./process-identity.ts";
export * from "./report.ts";
export * from "./runtime.ts";
export * from "./shell.ts";
export * from "./secret.ts";
export * from "./store.ts";
export * from "./tool.ts";
export * from "./turns.ts";
