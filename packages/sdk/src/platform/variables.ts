/** The variables of a compose file that stand for what a backup does not keep. */
export class Variables {
  readonly #names = new Map<string, string>();

  /** Every name given out, in the order in which they were asked for. */
  get names(): string[] {
    return [...this.#names.keys()];
  }

  /**
   * A reference that Compose refuses to start without. `name` is used where nobody else uses it, else `service` is put before it; the same
   * service asking again for the same gets the same.
   */
  reference(service: string, name: string, what: string): string {
    const owner = `${service}\0${name}`;
    const isTaken = (variable: string) => (this.#names.get(variable) ?? owner) !== owner;
    let variable = asVariable(name);
    for (let number = 1; isTaken(variable); number += 1) {
      variable = asVariable(`${service}_${name}${number === 1 ? "" : `_${number}`}`);
    }
    this.#names.set(variable, owner);
    return `\${${variable}:?${what} is not in the backup}`;
  }
}

/** Compose knows variables of ASCII letters, digits and `_` only. */
function asVariable(name: string): string {
  const word = name.replaceAll(/[^A-Za-z0-9_]+/g, "_").replaceAll(/^_+(?=\w)|_+$/g, "");
  return /^[A-Za-z_]/.test(word) ? word : `_${word}`;
}

/** A text that Compose takes as it is. */
export function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}
