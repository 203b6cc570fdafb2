export { classifyError } from "./classify-error.ts";
export { dockerRuntime } from "./docker-runtime.ts";
export type { DockerRuntimeOptions } from "./engine.ts";
export { localTool, type LocalToolSpec } from "./local-tool.ts";
export { standaloneContext, type StandaloneContext, type StandaloneOptions } from "./standalone-context.ts";
