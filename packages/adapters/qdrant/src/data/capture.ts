import type { ArtifactSink, Bytes, Fact, Fingerprint, FormFacts, OperationContext } from "@sutazai/backup-core";
import { PassingDigest } from "@sutazai/backup-formats";
import { dataArtifact } from "../details.ts";
import { fingerprint } from "../fingerprint.ts";
import type { QdrantOptions } from "../options.ts";
import type { Server } from "../server.ts";
import { containerOf, dataPlace } from "./place.ts";
import { checked } from "./restore.ts";

/**
 * The storage directory as it was at one moment, while no process of the server ran: what a power cut would leave, which the server recovers from its own logs
 * when it starts. What is in it is asked of the server before and after: exact where nobody wrote between.
 */
export async function captureData(
  context: OperationContext,
  server: Server,
  { directory: configured, maxPauseSeconds, contentDigest = true }: QdrantOptions,
  sink: ArtifactSink,
): Promise<{ readonly form: FormFacts; readonly digest: string }> {
  const { containers, journal, signal, progress } = context;
  const { directory } = dataPlace(server, configured);
  const before = await fingerprint(context, server, "data", contentDigest);
  progress({ step: "copying the storage directory while the server stands still" });
  await using copy = await containers.frozenCopy({
    container: containerOf(server),
    paths: [directory],
    purpose: "qdrant",
    ...(maxPauseSeconds !== undefined && { maxPauseMs: maxPauseSeconds * 1_000 }),
    journal,
    signal,
  });
  const after = await fingerprint(context, server, "data", contentDigest);
  const passing = new PassingDigest();
  async function* observed(): Bytes {
    for await (const chunk of checked(copy.read(directory))) {
      signal.throwIfAborted();
      passing.add(chunk);
      progress({ step: "reading the copy", bytes: passing.bytes });
      yield chunk;
    }
  }
  await sink.write(dataArtifact, observed());
  return {
    digest: passing.hex(),
    form: {
      name: "data",
      method: `frozen copy (${copy.method})`,
      capture: copy.capture,
      pausedMs: copy.frozenMs,
      artifacts: [dataArtifact],
      fingerprint: factsBetween(before, after),
      notCovered: ["settings that the server was started with: its configuration file and environment"],
    },
  };
}

/** What held before and after, held between. Numbers that changed lie between the two, anything else is not known. */
function factsBetween(before: Fingerprint, after: Fingerprint): Fingerprint {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return Object.fromEntries([...names].map((name) => [name, factBetween(before[name], after[name])]));
}

function factBetween(before: Fact | undefined, after: Fact | undefined): Fact {
  if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) return before;
  const numbers = [before, after].flatMap((fact) =>
    fact !== undefined && "exact" in fact && typeof fact.exact === "number" ? [fact.exact] : [],
  );
  const [first, second] = numbers;
  return first !== undefined && second !== undefined
    ? { bounds: [Math.min(first, second), Math.max(first, second)] }
    : { absent: "others wrote while it was copied" };
}
