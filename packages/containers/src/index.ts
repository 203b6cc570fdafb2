export { dockerRuntime } from "./docker-runtime.ts";
export type { DockerRuntimeOptions } from "./engine.ts";
export { classifyError } from "./classify-error.ts";
