/** Ids per page; ids are dense, as the server gives those of deleted nodes out again. */
const pageLength = 4_096;

/**
 * Remembers 64 bits of digest for each node, by the node's id, for as many nodes as memory is bounded to: relationships are told apart by what they connect, and
 * sending both nodes along with each of them would multiply the traffic.
 */
export class NodeDigests {
  readonly #pages = new Map<number, Uint32Array>();
  readonly #most: number;

  /** `nodes`: about how many it may hold, at 8 bytes each. */
  constructor(nodes: number) {
    this.#most = Math.ceil(nodes / pageLength);
  }

  /** False where there is no more room. */
  set(id: bigint, lanes: Uint32Array): boolean {
    const key = Number(id / BigInt(pageLength));
    let page = this.#pages.get(key);
    if (page === undefined) {
      if (this.#pages.size >= this.#most) return false;
      page = new Uint32Array(pageLength * 2);
      this.#pages.set(key, page);
    }
    const at = Number(id % BigInt(pageLength)) * 2;
    page[at] = lanes[0] ?? 0;
    page[at + 1] = lanes[1] ?? 0;
    return true;
  }

  /** As 16 hexadecimal digits; of an unknown node, zeros. */
  get(id: bigint): string {
    const page = this.#pages.get(Number(id / BigInt(pageLength)));
    const at = Number(id % BigInt(pageLength)) * 2;
    const hex = (lane: number) => (page?.[at + lane] ?? 0).toString(16).padStart(8, "0");
    return hex(1) + hex(0);
  }

  /** Whether a node of this id was seen; one whose digest is zero (one of 2^64) is taken for unseen. */
  has(id: bigint): boolean {
    return this.get(id) !== "0000000000000000";
  }
}
