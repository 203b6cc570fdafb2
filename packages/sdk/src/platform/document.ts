import { isMap, isScalar, visit, type Document, type YAMLMap } from "yaml";
import type { Source } from "./compose.ts";

/** A service and what is said of it. */
export interface Part {
  readonly service: string;
  readonly source: Source;
  readonly warnings: readonly string[];
}

/** Says above everything what the file is, and above each service where it comes from and what is left to do. */
export function comment(document: Document, parts: readonly Part[], variables: readonly string[]): void {
  document.commentBefore = lines([
    "Written by `sutazai-backup platform export` from what the backups say of their containers.",
    "It starts empty databases; `sutazai-backup restore all` then fills them.",
    ...(variables.length === 0
      ? []
      : [
          "",
          "Secrets are in no backup. Set these, in the environment or in a file .env beside this one:",
          ...variables.map((name) => `  ${name}=`),
        ]),
  ]);
  const services = document.get("services") as YAMLMap;
  for (const { service, source, warnings } of parts) {
    const key = services.items.map((item) => item.key).find((one) => isScalar(one) && one.value === service);
    if (!isScalar(key)) continue;
    key.spaceBefore = key !== services.items[0]?.key;
    key.commentBefore = lines([
      ...source.manifests.map(
        ({ database, kind, serverVersion, id }) => `${database}: ${kind} ${serverVersion}, as in backup ${id}`,
      ),
      `image ${source.container.imageId}${source.container.imageDigest === null ? "" : `, ${source.container.imageDigest}`}`,
      ...warnings.map((warning) => `TO DO: ${warning}`),
    ]);
  }
  for (const { key, value } of isMap(document.contents) ? document.contents.items.slice(1) : []) {
    if (isScalar(key) && isMap(value)) key.spaceBefore = true;
  }
}

/** Each a line of a comment, whatever is in it. */
function lines(texts: readonly string[]): string {
  return texts.map((text) => ` ${text.replaceAll(unprintable, "?")}`).join("\n");
}

const unprintable = /[\p{Cc}\u2028\u2029\ufeff]/gu;

/** All values quoted, so that no reader of any version of YAML takes one for a number, a time or a truth. */
export function print(document: Document): string {
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key)) key.type = /^[A-Za-z_][\w.-]*$/.test(String(key.value)) ? "PLAIN" : "QUOTE_DOUBLE";
    },
    Seq: (_, node) => {
      node.flow = node.items.every(isScalar);
    },
    Scalar: (at, node) => {
      if (at !== "key" && typeof node.value === "string") node.type = "QUOTE_DOUBLE";
    },
  });
  return document
    .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY })
    .replaceAll(
      /[\u007f-\u009f\u2028\u2029\ufeff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
