const digits = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** The server's reader takes as many digits as an unsigned integer of 64 bits holds. */
const largest = 2n ** 64n - 1n;

/**
 * A text by which the server comes to hold this number. It reads numbers by serde_json's fast way (digits as one integer, then one
 * multiplication or division by a power of ten), which misses the last bit of every seventh number with many digits, and it reads
 * metadata twice: from the request, and from its own queue. Undefined where there is no such text nearby.
 */
export function textStoredAs(value: number): string | undefined {
  for (const queued of around(value)) {
    if (readByServer(shortest(queued)) !== value) continue;
    const text = textReadAs(queued);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** The number and its neighbours, the nearest first. */
function* around(value: number): Iterable<number> {
  yield value;
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  for (let distance = 1n; distance <= 8n; distance += 1n) {
    for (const neighbour of [bits + distance, bits - distance]) {
      if (neighbour < 0n || neighbour > largest) continue;
      view.setBigUint64(0, neighbour);
      const found = view.getFloat64(0);
      if (Number.isFinite(found)) yield found;
    }
  }
}

/** A text that the server reads as this number once: that of a collection's own metadata. */
export function textReadAs(value: number): string | undefined {
  for (const near of around(value)) if (readByServer(shortest(near)) === value) return shortest(near);
  const [mantissa = "", exponent = ""] = Math.abs(value).toExponential(16).split("e");
  const leading = BigInt(mantissa.replace(".", ""));
  const sign = value < 0 ? "-" : "";
  for (const more of [0n, 1n, 2n]) {
    const base = leading * 10n ** more;
    const step = base >> 54n > 0n ? base >> 54n : 1n;
    for (let offset = 0n; offset <= 24n; offset += 1n) {
      for (const tried of [base + offset * step, base - offset * step]) {
        if (tried > largest) continue;
        const text = `${sign}${tried}e${Number(exponent) - 16 - Number(more)}`;
        if (readByServer(text) === value) return text;
      }
    }
  }
  return undefined;
}

/** As the server writes it; never as an integer, which would be read as one. */
function shortest(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** What serde_json 1 makes of a number with a fraction or an exponent, without its feature `float_roundtrip`. */
export function readByServer(text: string): number | undefined {
  const parts = digits.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = parts;
  const integer = BigInt(whole + fraction);
  if (integer > largest) return undefined;
  let read = Number(integer);
  let power = Number(exponent) - fraction.length;
  while (power < -308 && read !== 0) {
    read /= 1e308;
    power += 308;
  }
  if (power > 308) return undefined;
  // `**` is not exact beyond 10^22; literals are.
  read = power < 0 ? read / Number(`1e${-power}`) : read * Number(`1e${power}`);
  return sign === "-" ? -read : read;
}
