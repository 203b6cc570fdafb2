import type { ArtifactSink, OperationContext } from "@sutazai/backup-core";
import { dumpArtifact } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import { whenReady } from "../ready.ts";
import type { Server } from "../server.ts";
import { dataDirectoryOf, withContainer, type Target } from "../target.ts";
import { notCovered, writeDumps, type Capture } from "./capture.ts";
import { aroundCapture } from "./live-content.ts";

/** In the journal before the stop: whoever settles it waits until the server, started again by then, answers. */
export const offlineAction = "offline";

/** Before the daemon kills a server that is ending its transactions. */
const graceSeconds = 300;

/** A dump of the stopped server, made in a sidecar with its volumes. The server is started again whatever happens. */
export async function captureOffline(
  context: OperationContext,
  target: Target,
  live: Server,
  options: Neo4jOptions,
  sink: ArtifactSink,
): Promise<Capture> {
  const { containers, journal, signal, progress } = context;
  const reached = withContainer(target);
  const { id, imageId } = reached.container;
  const store = { image: imageId, volumesOf: id, directory: dataDirectoryOf(reached.container) };
  const { result, content } = await aroundCapture(context, live, async (before) => {
    const entry = await journal.record({ part: target.database, action: offlineAction, data: { container: id } });
    progress({ step: "stopping the server" });
    const start = performance.now();
    await containers.stop(id, { journal, graceSeconds });
    const moment = new Date().toISOString();
    const databases = await writeDumps(context, store, before.databases, sink);
    progress({ step: "starting the server" });
    await containers.start(id);
    const port = options.port === undefined ? {} : { port: options.port };
    const { server } = await whenReady(containers, reached.container, target, { signal, ...port });
    await entry.settle("finish");
    return { result: { databases, moment, downMs: Math.ceil(performance.now() - start) }, server };
  });
  return {
    form: {
      name: "dump",
      method: "server stopped, checked, neo4j-admin database dump",
      capture: { from: result.moment, to: result.moment },
      pausedMs: result.downMs,
      artifacts: result.databases.map(({ name }) => dumpArtifact(name)),
      fingerprint: content.fingerprint,
      notCovered,
    },
    details: { databases: result.databases },
    isEmpty: content.isEmpty,
    incomplete: [],
    warnings: [],
  };
}
