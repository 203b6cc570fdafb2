import { isDeepStrictEqual } from "node:util";
import { readInfo, unlessDropped, type CollectionConfig } from "./collections.ts";
import type { Server } from "./server.ts";

/** What no request changes of a collection: by vector, how long it is and how it is compared. */
type Identity = Readonly<Record<string, unknown>>;

/** By name, what makes these collections what they are; those that are gone are left out. */
export async function readIdentities(
  server: Server,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Identity>> {
  const found = new Map<string, Identity>();
  for (const name of names) {
    const info = await unlessDropped(server, name, () => readInfo(server, name, signal));
    if (info !== undefined) found.set(name, identityOf(info.config));
  }
  return found;
}

/**
 * Names under which there is another collection now. The server gives collections no id: one that was dropped and made anew with vectors of the same kind cannot be
 * told from one whose points were all changed.
 */
export function madeAnew(before: ReadonlyMap<string, Identity>, after: ReadonlyMap<string, Identity>): string[] {
  return [...before.keys()].filter((name) => {
    const now = after.get(name);
    return now !== undefined && isDifferent(before.get(name) ?? {}, now);
  });
}

/** By the vectors of both: some servers can give a collection another one, or take one away. */
function isDifferent(one: Identity, other: Identity): boolean {
  const shared = Object.keys(one).filter((vector) => Object.hasOwn(other, vector));
  if (shared.length === 0) return Object.keys(one).length > 0 && Object.keys(other).length > 0;
  return shared.some((vector) => !isDeepStrictEqual(one[vector], other[vector]));
}

export function identityOf({ params }: CollectionConfig): Identity {
  const { vectors } = params;
  if (typeof vectors !== "object" || vectors === null) return {};
  const named = "size" in vectors && typeof vectors.size === "number" ? { "": vectors } : vectors;
  return Object.fromEntries(
    Object.entries(
      named as Readonly<Record<string, { readonly size?: unknown; readonly distance?: unknown } | null>>,
    ).map(([vector, settings]) => [vector, { size: settings?.size, distance: settings?.distance }]),
  );
}
