/** What can be done to bytes: a bit flipped, the rest cut off, some lost or doubled, a lie put in or over what was there. */
export const byteChanges = ["flip", "cut", "lose", "double", "lie", "overwrite"] as const;

export type ByteChange = readonly [place: number, how: (typeof byteChanges)[number], count: number, lie: Uint8Array];

/** The bytes after one change after the other, none before `from`: for hostile input. Any `place` is taken, modulo the length. */
export function changedBytes(content: Buffer, changes: readonly ByteChange[], from: number = 0): Buffer {
  return changes.reduce<Buffer>((bytes, [place, how, count, lie]) => {
    const at = from + (place % Math.max(1, bytes.length - from));
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (how) {
      case "flip":
        return Buffer.concat([before, Buffer.from([(bytes[at] ?? 0) ^ (1 << (count & 7))]), after.subarray(1)]);
      case "cut":
        return before;
      case "lose":
        return Buffer.concat([before, after.subarray(count)]);
      case "double":
        return Buffer.concat([bytes.subarray(0, at + count), after]);
      case "lie":
        return Buffer.concat([before, lie, after]);
      case "overwrite":
        return Buffer.concat([before, lie, after.subarray(lie.length)]);
    }
  }, content);
}
