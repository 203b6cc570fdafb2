import {
  outputOf,
  textOf,
  type Bytes,
  type ContainerRuntime,
  type ToolExit,
  type ToolFailure,
  type ToolProcess,
} from "@sutazai/backup-core";
import { z } from "zod";
import { localTool } from "../local-tool.ts";
import { classifyFailure } from "./classify-failure.ts";

/** Where a directory is: what the journal keeps of it suffices to find it again. */
export type Place =
  | { readonly kind: "container"; readonly container: string; readonly image: string; readonly directory: string }
  | { readonly kind: "volume"; readonly volume: string; readonly image: string; readonly directory: string }
  | { readonly kind: "host"; readonly directory: string };

/** Where a volume is mounted in a sidecar. */
export const volumeRoot = "/volume";

export const placeSchema: z.ZodType<Place> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("container"), container: z.string(), image: z.string(), directory: z.string() }),
  z.strictObject({ kind: z.literal("volume"), volume: z.string(), image: z.string(), directory: z.string() }),
  z.strictObject({ kind: z.literal("host"), directory: z.string() }),
]);

export interface ShellTool {
  /** Whose it is, and what it is for: `faiss-stage`. */
  readonly purpose: string;
  /** POSIX sh; its arguments are `$1` and so on. */
  readonly script: string;
  readonly arguments: readonly string[];
  readonly writes?: boolean;
  readonly stdin?: Bytes;
  readonly signal: AbortSignal;
}

/** Runs a script where the files are: in a sidecar with their volume, or on this host. */
export async function shellAt(place: Place, containers: ContainerRuntime, tool: ShellTool): Promise<ToolProcess> {
  const { purpose, script, stdin, signal } = tool;
  const command = ["sh", "-c", script, purpose, ...tool.arguments] as const;
  const environment = { LC_ALL: "C" };
  const input = stdin === undefined ? {} : { stdin };
  if (place.kind === "host") return localTool({ command: [...command], environment, signal, ...input });
  return containers.sidecar({
    image: place.image,
    command,
    purpose,
    environment,
    user: "0:0",
    ...(place.kind === "container" ? { volumesOf: place.container } : { volumes: { [volumeRoot]: place.volume } }),
    volumesReadOnly: tool.writes !== true,
    signal,
    ...input,
  });
}

/** Runs a script that must succeed; its output, which is small. */
export async function runAt(place: Place, containers: ContainerRuntime, tool: ShellTool): Promise<string> {
  return textOf(await shellAt(place, containers, tool), failureOf(tool.purpose));
}

/** The output of a script as it comes. */
export async function* streamAt(
  place: Place,
  containers: ContainerRuntime,
  tool: ShellTool,
  classify: NonNullable<ToolFailure["classify"]> = () => undefined,
): Bytes {
  const failure = failureOf(tool.purpose);
  yield* outputOf(await shellAt(place, containers, tool), {
    ...failure,
    classify: (exit) => classify(exit) ?? failure.classify?.(exit),
  });
}

function failureOf(purpose: string): ToolFailure & { readonly operation: string } {
  const operation = purpose.replace("-", ".");
  return { tool: purpose, operation, classify: (exit: ToolExit) => classifyFailure(exit, { operation }) };
}
