import { createHash } from "node:crypto";

/** So many of them, always the same ones: what is added or gone changes the choice of nothing else. All where no more are there. */
export function chosen<Item>(items: readonly Item[], count: number, nameOf: (item: Item) => string): Item[] {
  const rank = (item: Item): string => createHash("sha256").update(nameOf(item)).digest("hex");
  return items.toSorted((a, b) => rank(a).localeCompare(rank(b))).slice(0, count);
}
