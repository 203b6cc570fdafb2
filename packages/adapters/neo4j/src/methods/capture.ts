import type { ArtifactSink, Bytes, Fact, FormFacts, OperationContext } from "@sutazai/backup-core";
import type { Details } from "../details.ts";
import { readDump } from "../dump/dump-file.ts";
import { dumpOf, type Store } from "../dump/admin.ts";
import { whilePassing } from "../dump/while-passing.ts";
import { dumpArtifact } from "../forms.ts";

/** What a method has put into the sink. */
export interface Capture {
  /** `pausedMs` but for frozen copies, which tell it themselves. */
  readonly form: FormFacts;
  readonly details: Details;
  readonly isEmpty: boolean;
  readonly incomplete: readonly string[];
  readonly warnings: readonly string[];
}

export const notCovered: readonly string[] = [
  "configuration, plugins and logs: they are not in the server's data directory",
  "passwords as text: they are in `system`, hashed",
];

/** Checks and dumps databases of a store that nobody uses, all at once; every dump is read to its end as it passes. Nothing is written before all have passed their checks. */
export async function writeDumps(
  context: Pick<OperationContext, "containers" | "signal" | "progress">,
  store: Store,
  databases: readonly string[],
  sink: ArtifactSink,
): Promise<Details["databases"]> {
  const { containers, progress } = context;
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  await using begun = new AsyncDisposableStack();
  const begin = async (name: string) => {
    progress({ step: `checking and dumping ${name}` });
    const dump = dumpOf(containers, store, name, signal);
    begun.defer(async () => void (await dump.return()));
    return { name, dump, first: await dump.next() };
  };
  const write = async ({ name, dump, first }: Awaited<ReturnType<typeof begin>>) => {
    let bytes = 0;
    const passing = whilePassing(
      goingOn(first, dump),
      (dumped) => readDump(dumped, signal),
      (facts) => (bytes = facts.bytes),
    );
    await sink.write(dumpArtifact(name), passing, { compressed: true });
    return { name, bytes };
  };
  try {
    return await together(await together(databases, begin, failed), write, failed);
  } catch (error) {
    context.signal.throwIfAborted();
    throw error;
  }
}

/** The first failure ends the others; it is thrown when all of them have ended. */
async function together<Given, Result>(
  all: readonly Given[],
  work: (given: Given) => Promise<Result>,
  failed: AbortController,
): Promise<Result[]> {
  let first: { readonly error: unknown } | undefined;
  const outcomes = await Promise.all(
    all.map((given) =>
      work(given).catch((error: unknown) => {
        first ??= { error };
        failed.abort(error);
        return undefined;
      }),
    ),
  );
  if (first !== undefined) throw first.error;
  return outcomes.filter((outcome) => outcome !== undefined);
}

/** A stream whose first chunk was taken already. */
async function* goingOn(
  first: IteratorResult<Uint8Array, void>,
  rest: AsyncGenerator<Uint8Array, void, undefined>,
): Bytes {
  if (first.done !== true) yield first.value;
  yield* rest;
}

/** The range of a count that was different before and after; anything else is not known then. */
export function between(before: Fact | undefined, after: Fact | undefined): Fact {
  const [low, high] = [countOf(before), countOf(after)];
  if (low === undefined || high === undefined) return { absent: "written to while it was captured" };
  return { bounds: [low, high] };
}

function countOf(fact: Fact | undefined): number | undefined {
  if (fact === undefined) return 0;
  return "exact" in fact && typeof fact.exact === "number" ? fact.exact : undefined;
}
