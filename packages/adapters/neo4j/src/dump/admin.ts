import {
  assertSucceeded,
  outputOf,
  textOf,
  type Bytes,
  type ContainerRuntime,
  type SidecarSpec,
  type ToolExit,
  type ToolFailure,
} from "@sutazai/backup-core";
import { classifyToolExit } from "../classify-error.ts";

/** Where `neo4j-admin` works: a stopped server's volumes, or the volume with a copy of its data. */
export interface Store extends Pick<SidecarSpec, "image" | "volumesOf" | "volumes"> {
  /** The server's data directory, as the sidecar sees it. */
  readonly directory: string;
}

// POSIX sh. $1: the data directory, $2: a database, then more of the script's own. An additional configuration wins over what the image's says, so that the
// tool works wherever the data is. What it says goes to standard error: standard output is the dump's.
const begin = `set -e
data=$1 database=$2
config=$(mktemp)
printf 'server.directories.data=%s\\nserver.directories.transaction.logs.root=%s/transactions\\n' "$data" "$data" > "$config"
`;

// Exit code 1 of \`check\` is an inconsistent store, 70 one that cannot be read. Its report goes nowhere else: the beginning of it, lest it push out what was said before.
const checkOnly = `${begin}
report=$(mktemp -d)
neo4j-admin database check "$database" --additional-config="$config" --report-path="$report" >&2 || {
  code=$?
  head -c 8192 "$report"/* >&2 2>/dev/null || :
  exit "$code"
}
`;

const checkAndDump = `${checkOnly}
exec neo4j-admin database dump "$database" --to-stdout --additional-config="$config"
`;

const load = `${begin}
owner=$3
mkdir -p "$data"
neo4j-admin database load "$database" --from-stdin --overwrite-destination=true --additional-config="$config" >&2
chown -R "$owner" "$data"
sync
`;

/** Checks a database's consistency, then dumps it. The output is proven by reading it only: the tool's exit code hides failed writes. */
export async function* dumpOf(
  containers: ContainerRuntime,
  store: Store,
  database: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const tool = await containers.sidecar({
    ...sidecarOn(store, "neo4j-dump", checkAndDump, [store.directory, database]),
    signal,
  });
  yield* outputOf(tool, failureOf("neo4j-admin database dump", database));
}

/** Checks a database's consistency. Throws `corrupt` for a store that is not consistent. */
export async function check(
  containers: ContainerRuntime,
  store: Store,
  database: string,
  signal: AbortSignal,
): Promise<void> {
  const spec = sidecarOn(store, "neo4j-check", checkOnly, [store.directory, database]);
  await textOf(await containers.sidecar({ ...spec, signal }), failureOf("neo4j-admin database check", database));
}

/** Loads a dump into a data directory that no server uses, its files given to an owner (`7474:7474`). */
export async function loadInto(
  containers: ContainerRuntime,
  store: Store,
  database: string,
  owner: string,
  dump: Bytes,
  signal: AbortSignal,
): Promise<void> {
  await using tool = await containers.sidecar({
    ...sidecarOn(store, "neo4j-load", load, [store.directory, database, owner]),
    stdin: dump,
    signal,
  });
  for await (const _ of tool.stdout);
  assertSucceeded(await tool.exit, failureOf("neo4j-admin database load", database));
}

/** The version of an image's tools, `2026.08.1`, which is its server's. */
export async function imageVersion(containers: ContainerRuntime, image: string, signal: AbortSignal): Promise<string> {
  const tool = await containers.sidecar({
    image,
    purpose: "neo4j-version",
    command: ["neo4j-admin", "--version"],
    signal,
  });
  return (await textOf(tool, { tool: "neo4j-admin --version", operation: "neo4j.version" })).trim();
}

function sidecarOn(
  { image, volumesOf, volumes }: Store,
  purpose: string,
  script: string,
  parameters: readonly string[],
): Omit<SidecarSpec, "signal"> {
  return {
    image,
    purpose,
    command: ["sh", "-c", script, purpose, ...parameters],
    // The tool opens stores for writing, if only their locks.
    user: "0:0",
    ...(volumesOf !== undefined && { volumesOf }),
    ...(volumes !== undefined && { volumes }),
  };
}

function failureOf(tool: string, database: string): ToolFailure {
  const context = { operation: `neo4j.${tool.split(" ").at(-1)}`, details: { database } };
  return {
    tool: `${tool} ${database}`,
    ...context,
    hint: "see the message; the server's own debug.log may tell more",
    classify: (exit: ToolExit) => (exit.outOfMemory ? undefined : classifyToolExit(exit, context)),
  };
}
