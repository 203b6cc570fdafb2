import type { ArtifactSink, Bytes, OperationContext } from "@sutazai/backup-core";
import { writeTar, type TarInput } from "@sutazai/backup-formats";
import { readDataDirectory } from "../data-file.ts";
import { dataArtifact } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import type { Server } from "../server.ts";
import { dataDirectoryOf, withContainer, type Target } from "../target.ts";
import { notCovered, type Capture } from "./capture.ts";
import type { Copies } from "./copies.ts";
import { aroundCapture } from "./live-content.ts";

/** The store's files as they all were at one moment: what a power cut leaves. The server recovers them when it starts. */
export async function captureDataDirectory(
  context: OperationContext,
  target: Target,
  live: Server,
  _options: Neo4jOptions,
  sink: ArtifactSink,
  copies: Copies,
): Promise<Capture> {
  const path = dataDirectoryOf(withContainer(target).container);
  const { result, content } = await aroundCapture(context, live, async (before) => {
    const copy = await copies.pristine();
    await sink.write(dataArtifact, storeOnly(copy.read(path), before.databases, context));
    return {
      result: { method: `frozen copy (${copy.method})`, capture: copy.capture },
      server: live,
    };
  });
  return {
    form: {
      name: "data",
      method: `${result.method} of the data directory`,
      capture: result.capture,
      pausedMs: 0,
      artifacts: [dataArtifact],
      fingerprint: content.fingerprint,
      notCovered,
    },
    details: { databases: content.databases.map((name) => ({ name, bytes: 0 })) },
    isEmpty: content.isEmpty,
    incomplete: [],
    warnings: [
      "this is the data directory and no dump: it was neither recovered nor checked, and goes with servers of this version only",
    ],
  };
}

/** The archive as it is kept: what the server needs to come back, and nothing that others have put beside it. */
async function* storeOnly(
  tar: Bytes,
  databases: readonly string[],
  { progress, signal }: Pick<OperationContext, "progress" | "signal">,
): Bytes {
  let bytes = 0;
  async function* entries(): AsyncIterable<TarInput> {
    for await (const entry of readDataDirectory(tar, databases)) {
      signal.throwIfAborted();
      yield entry;
      bytes += entry.size;
      progress({ step: "reading the data directory", bytes });
    }
  }
  yield* writeTar(entries());
}
