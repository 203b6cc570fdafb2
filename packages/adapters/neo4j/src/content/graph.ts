import type { Fact, Fingerprint, Json } from "@sutazai/backup-core";
import { digestOf, MultisetDigest, RowHash } from "@sutazai/backup-formats";
import { NodeDigests } from "./node-digests.ts";

/** 96 MB of digests at most. */
const defaultMostNodes = 12_000_000;
/** Characters that each name costs besides its own. */
const costOfName = 64;

/**
 * What a graph comes to, whatever ids its parts have: counts by label and type, and the sum of the hashes of all nodes and of all relationships, these with the digests
 * of the two nodes they connect. Nodes first, then relationships, each in any order.
 */
export class GraphContent {
  readonly #labels = new Map<string, number>();
  readonly #types = new Map<string, number>();
  readonly #nodes = new MultisetDigest();
  readonly #relationships = new MultisetDigest();
  readonly #mostNodes: number;
  readonly #digests: NodeDigests;
  readonly #row = new RowHash();
  #named = 0;
  #isBounded = true;
  #dangling = 0;

  /** `mostNodes`: about how many nodes it remembers; of a larger graph it does not know what relationships connect. */
  constructor(mostNodes: number = defaultMostNodes) {
    this.#mostNodes = mostNodes;
    this.#digests = new NodeDigests(mostNodes);
  }

  get nodes(): number {
    return this.#nodes.count;
  }

  get relationships(): number {
    return this.#relationships.count;
  }

  /** About how many characters it keeps of the names of labels and types. */
  get named(): number {
    return this.#named;
  }

  /** Relationships that lack one of their nodes: what is written while a graph is read in pieces. Null where not all nodes could be remembered. */
  get dangling(): number | null {
    return this.#isBounded ? this.#dangling : null;
  }

  addNode(id: bigint, labels: readonly string[], properties: Json): void {
    const sorted = [...labels].sort();
    for (const label of sorted) this.#count(this.#labels, label);
    if (sorted.length === 0) this.#count(this.#labels, "");
    this.#hash([sorted, properties]);
    this.#nodes.add(this.#row);
    this.#isBounded = this.#digests.set(id, this.#row.lanes) && this.#isBounded;
  }

  addRelationship(type: string, properties: Json, start: bigint, end: bigint): void {
    this.#count(this.#types, type);
    if (this.#isBounded && !(this.#digests.has(start) && this.#digests.has(end))) this.#dangling += 1;
    this.#hash([type, properties, this.#digests.get(start), this.#digests.get(end)]);
    this.#relationships.add(this.#row);
  }

  /** The facts; `prefix` says of which database. */
  facts(prefix: string): Fingerprint {
    const counted = (kind: string, counts: ReadonlyMap<string, number>) =>
      [...counts].map(([name, exact]): [string, Fact] => [`${prefix}/${kind}:${name}`, { exact }]);
    const unknown: Fact = { absent: `the graph has more than ${this.#mostNodes} nodes` };
    return Object.fromEntries<Fact>([
      ...counted("nodes", this.#labels),
      ...counted("relationships", this.#types),
      [`${prefix}/nodes`, { exact: this.#nodes.toString() }],
      [`${prefix}/relationships`, this.#isBounded ? { exact: this.#relationships.toString() } : unknown],
    ]);
  }

  #count(counts: Map<string, number>, name: string): void {
    const before = counts.get(name);
    if (before === undefined) this.#named += name.length + costOfName;
    counts.set(name, (before ?? 0) + 1);
  }

  #hash(row: Json): void {
    this.#row.reset();
    this.#row.update(Buffer.from(JSON.stringify(row)));
    this.#row.finish();
  }
}

/** Facts about indexes and constraints, by their names: the statement that makes them, as a digest. */
export function schemaFacts(prefix: string, schema: ReadonlyMap<string, string>): Fingerprint {
  return Object.fromEntries(
    [...schema].map(([name, statement]): [string, Fact] => [
      `${prefix}/schema:${name}`,
      { exact: digestOf(statement) },
    ]),
  );
}
