import { BackupError, type ArtifactSink, type Bytes, type OperationContext } from "@sutazai/backup-core";
import { PassingDigest } from "@sutazai/backup-formats";
import type { CapturedForm } from "./capture.ts";
import { countPoints, type CollectionInfo } from "./collections.ts";
import { artifactOf } from "./details.ts";
import { headLine, tailLine } from "./export-file.ts";
import { contentFacts, infoFacts } from "./facts.ts";
import { readContent, type ContentPass } from "./scroll.ts";
import type { Server } from "./server.ts";

const attempts = 4;

/** Exports all points, and again where it has come to fewer than the server counts: an answer that ends early is no error to it. */
export async function exportPoints(
  context: OperationContext,
  server: Server,
  name: string,
  info: CollectionInfo,
  sink: ArtifactSink,
): Promise<{ readonly form: CapturedForm; readonly pass: ContentPass }> {
  const { signal } = context;
  for (let attempt = 1; ; attempt++) {
    const before = await countPoints(server, name, signal);
    let isShort = false;
    try {
      return await exportOnce(context, server, name, info, sink, async (exported) => {
        const counted = Math.min(before, await countPoints(server, name, signal));
        isShort = exported < counted;
        if (isShort) throw shortExport(name, exported, counted);
      });
    } catch (error) {
      // Where others remove as many as they add, a few may have been missed on the way.
      if (!isShort || attempt === attempts || signal.aborted) throw error;
    }
  }
}

function shortExport(collection: string, exported: number, counted: number): BackupError {
  return new BackupError(
    "mismatch",
    `the export of ${collection} has ${exported} points, and the server counts ${counted}`,
    {
      operation: "qdrant.export",
      hint: 'run it again when fewer write to it; if it stays so, take the form "snapshot", and look at the server\'s log',
    },
  );
}

async function exportOnce(
  context: OperationContext,
  server: Server,
  name: string,
  info: CollectionInfo,
  sink: ArtifactSink,
  atItsEnd: (exported: number) => Promise<void>,
): Promise<{ readonly form: CapturedForm; readonly pass: ContentPass }> {
  const artifact = artifactOf(name, "scroll");
  const passing = new PassingDigest();
  const observed = (chunk: Uint8Array) => {
    passing.add(chunk);
    context.progress({ step: `exporting ${name}`, bytes: passing.bytes });
    return chunk;
  };
  const { config, payload_schema } = info;
  const pass = await readContent(server, name, context.signal, (lines, digest) =>
    sink.write(
      artifact,
      (async function* (): Bytes {
        yield observed(headLine({ collection: name, version: server.version, config, payload_schema }));
        for await (const chunk of lines) yield observed(chunk);
        await atItsEnd(digest.count);
        yield observed(tailLine(digest.count));
      })(),
    ),
  );
  const facts = {
    ...infoFacts(name, info),
    ...contentFacts(name, { exact: pass.digest.count }, { exact: String(pass.digest) }),
  };
  return { form: { artifact, digest: passing.hex(), facts }, pass };
}
