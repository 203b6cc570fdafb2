/** Control characters, and those that turn the direction of text: a name that holds them must not command a terminal or a reader. */
// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]|\p{Surrogate}/gu;

/** Shows each of them as `�`: one line stays one line, and says what it shows. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, "\uFFFD");
}

/** The same for a text of several lines: only their ends, and tabs, stay. */
export function printableLines(text: string): string {
  return text
    .split(/(\r?\n|\t)/)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");
}
