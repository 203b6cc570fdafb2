import type { Fact, Fingerprint } from "@sutazai/backup-core";
import { digestOf } from "@sutazai/backup-formats";
import type { Aliases, CollectionConfig, CollectionInfo, PayloadIndex } from "./collections.ts";
import { canonicalJson, withoutNulls } from "./json.ts";

/** Facts about one collection begin so. */
function collectionPrefix(name: string): string {
  return `collection:${name.replaceAll("%", "%25").replaceAll("/", "%2F")}/`;
}

const aliasPrefix = "alias:";

export function aliasFacts(aliases: Aliases): Fingerprint {
  return Object.fromEntries(
    Object.entries(aliases).map(([alias, collection]) => [aliasPrefix + alias, { exact: collection }]),
  );
}

/** The part of a fingerprint that is about some collections and their aliases. */
export function factsAbout(fingerprint: Fingerprint, collections: readonly string[], aliases: Aliases): Fingerprint {
  const prefixes = collections.map(collectionPrefix);
  return Object.fromEntries(
    Object.entries(fingerprint).filter(([fact]) =>
      fact.startsWith(aliasPrefix)
        ? Object.hasOwn(aliases, fact.slice(aliasPrefix.length))
        : prefixes.some((prefix) => fact.startsWith(prefix)),
    ),
  );
}

/** How a collection is made up, one fact for each section of its configuration. */
export function configFacts(
  name: string,
  config: CollectionConfig,
  indexes: Readonly<Record<string, unknown>>,
): Fingerprint {
  const prefix = collectionPrefix(name);
  const sections = Object.entries(config).filter(([section, value]) => section !== "uuid" && value !== null);
  return {
    ...Object.fromEntries(sections.map(([section, value]) => [`${prefix}config/${section}`, readable(value)])),
    [`${prefix}payload-indexes`]: readable(
      Object.fromEntries(Object.entries(indexes).map(([field, index]) => [field, asObject(index)])),
    ),
  };
}

/** The same facts, of a live collection. */
export function infoFacts(
  name: string,
  { config, payload_schema }: Pick<CollectionInfo, "config" | "payload_schema">,
): Fingerprint {
  return configFacts(name, config, indexesOf(payload_schema));
}

/** Payload indexes as snapshots and requests write them. */
function indexesOf(payloadSchema: Readonly<Record<string, PayloadIndex>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(payloadSchema).map(([field, { data_type, params }]) => [field, params ?? data_type]),
  );
}

/** What is in a collection, as far as it is known. */
export function contentFacts(name: string, points: Fact, content: Fact): Fingerprint {
  const prefix = collectionPrefix(name);
  return { [`${prefix}points`]: points, [`${prefix}content`]: content };
}

function asObject(index: unknown): unknown {
  return typeof index === "string" ? { type: index } : index;
}

/** As text where a reader of a difference can make something of it, else as a digest. */
function readable(value: unknown): Fact {
  const text = canonicalJson(withoutNulls(value));
  return { exact: text.length <= 300 ? text : `murmur3:${digestOf(text)}` };
}
