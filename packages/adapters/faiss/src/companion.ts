const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = [
  0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d,
];

/** Counts the elements of a JSON array, or the members of an object, as its bytes pass: bounded memory whatever its length. */
export class ElementCount {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #commas = 0;
  #isEmpty = true;
  #isClosed = false;
  #isBroken = false;

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
        continue;
      }
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      if (this.#isClosed || (this.#depth === 0 && byte !== openBracket && byte !== openBrace)) {
        this.#isBroken = true;
        return;
      }
      if (this.#depth === 1 && byte !== closeBracket && byte !== closeBrace) this.#isEmpty = false;
      if (byte === quote) this.#inString = true;
      else if (byte === openBracket || byte === openBrace) this.#depth += 1;
      else if (byte === closeBracket || byte === closeBrace) {
        this.#depth -= 1;
        this.#isClosed = this.#depth === 0;
      } else if (byte === comma && this.#depth === 1) this.#commas += 1;
    }
  }

  /** At the end; undefined where it is cut off, or neither an array nor an object. */
  end(): number | undefined {
    if (this.#isBroken || !this.#isClosed) return undefined;
    return this.#isEmpty ? 0 : this.#commas + 1;
  }
}
