import type { OperationContext } from "@sutazai/backup-core";
import { readCluster, type Cluster } from "./cluster.ts";
import type { PostgresOptions } from "./options.ts";
import { resolveServer, type Server } from "./server.ts";
import { enter, type Session } from "./session.ts";
import { openTools, type Tools } from "./tools.ts";

/** A server that has been reached: what every operation begins with. */
export interface Access extends AsyncDisposable {
  readonly server: Server;
  readonly cluster: Cluster;
  /** In some database that lets us in. */
  readonly session: Session;
  readonly tools: Tools;
}

/** Reaches the server, authenticates, and finds the tools. Throws whatever stands in the way. */
export async function open(
  options: PostgresOptions,
  name: string,
  { containers, signal }: Pick<OperationContext, "containers" | "signal">,
): Promise<Access> {
  const server = await resolveServer(options, containers, name);
  await using stack = new AsyncDisposableStack();
  const session = stack.use(await enter(server, signal));
  const cluster = await readCluster(session, name);
  const tools = await openTools(server, cluster, containers, signal);
  const owned = stack.move();
  return { server, cluster, session, tools, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
