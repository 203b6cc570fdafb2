import { Readable } from "node:stream";
import type { Bytes } from "@sutazai/backup-core";
import { abortError, classifyError, throwIfAborted } from "./classify-error.ts";
import type { Engine } from "./engine.ts";

// While an archive passes, the daemon (20.10) holds the container's lock: it answers no inspect, exec, stop or kill of it. So nothing else may be asked of
// the container within the loop that reads or writes one; a sidecar with its volumes has no such lock.

/** A tar of a path, as the daemon makes it. A connection that breaks throws: Node does not take a cut-off answer for a whole one. */
export async function* readArchive({ docker }: Engine, containerId: string, path: string, signal: AbortSignal): Bytes {
  const operation = "containers.readArchive";
  throwIfAborted(signal, operation);
  let stream: Readable | undefined;
  const abort = () => stream?.destroy(abortError(signal, operation));
  signal.addEventListener("abort", abort, { once: true });
  try {
    stream = (await docker.getContainer(containerId).getArchive({ path })) as Readable;
    if (signal.aborted) abort();
    yield* stream as Bytes;
  } catch (error) {
    throw classifyError(error, { operation });
  } finally {
    signal.removeEventListener("abort", abort);
    stream?.destroy();
  }
}

/** Unpacks a tar. Where it throws, what had arrived until then is in the container. */
export async function writeArchive(
  { docker }: Engine,
  containerId: string,
  directory: string,
  tar: Bytes,
  signal: AbortSignal,
): Promise<void> {
  const operation = "containers.writeArchive";
  throwIfAborted(signal, operation);
  const stream = Readable.from(tar, { objectMode: false });
  const failure = new Promise<never>((_, reject) => stream.once("error", reject));
  failure.catch(() => undefined);
  const abort = () => stream.destroy(abortError(signal, operation));
  signal.addEventListener("abort", abort, { once: true });
  try {
    // Owners as in the tar; a file never replaces a directory.
    const unpacked = docker
      .getContainer(containerId)
      .putArchive(stream, { path: directory, noOverwriteDirNonDir: "true" });
    unpacked.catch(() => undefined);
    await Promise.race([unpacked, failure]);
  } catch (error) {
    throw classifyError(error, { operation });
  } finally {
    signal.removeEventListener("abort", abort);
    stream.destroy();
  }
}
