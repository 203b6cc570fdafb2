export { classifyError } from "./classify-error.ts";
export { classifyFailure } from "./directory/classify-failure.ts";
export { findNamed, globArgument } from "./directory/names.ts";
export { runAt, shellAt, streamAt, volumeRoot, type Place, type ShellTool } from "./directory/place.ts";
export { assertSpace, freeSpaceAt, type SpaceNeeded } from "./directory/space.ts";
export {
  exchangeFiles,
  planSwap,
  recoverStaged,
  stagedAction,
  stopTolerantly,
  swapAsJson,
  swapOf,
  swappedAction,
  undoSwap,
  unpackAside,
  type Swap,
} from "./directory/swap.ts";
export { dockerRuntime } from "./docker-runtime.ts";
export type { DockerRuntimeOptions } from "./engine.ts";
export { assertIsolatable, assertRestartable } from "./fitness.ts";
export { localTool, type LocalToolSpec } from "./local-tool.ts";
export { standaloneContext, type StandaloneContext, type StandaloneOptions } from "./standalone-context.ts";
