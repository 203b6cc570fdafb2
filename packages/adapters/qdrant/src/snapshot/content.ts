import { z } from "zod";
import { configSchema, type CollectionConfig } from "../collections.ts";
import { parseExact } from "../json.ts";
import { blockLength, decodeHeader, decodeSparseExtension, isZero, type Header } from "./header.ts";
import { Damage, PushedReading, type Reading } from "./reading.ts";

/** What a collection's snapshot says of it. */
export interface SnapshotContent {
  readonly config: CollectionConfig;
  /** By field, as requests write them. */
  readonly indexes: Readonly<Record<string, unknown>>;
  readonly segments: number;
}

/** Longer JSON than this is in no snapshot. */
const jsonLimit = 16 * 1024 * 1024;
/** PATH_MAX of Linux: nothing longer can be unpacked. */
const longNameLimit = 4096;
/** What names may take in memory: about 500,000 of ordinary length. */
const namesLimit = 64 * 1024 * 1024;
const costPerName = 64;

/** The files whose content is looked at once all have passed. */
const wanted: ReadonlySet<string> = new Set(["config.json", "payload_index.json", "version.info"]);

const indexesSchema = z.object({ schema: z.record(z.string(), z.unknown()) });
const shardsSchema = z.looseObject({ shard_number: z.int().positive() });

/** A member of a tar: its name, and how many bytes of it follow. */
interface Member {
  readonly name: string;
  readonly size: number;
  readonly isSparse: boolean;
}

/** The files of one tar that have passed: their names, and the content of the few that are wanted. */
class PassedFiles {
  readonly contents: Map<string, unknown> = new Map();
  #cost = 0;

  add(name: string, content: unknown): void {
    this.#cost += name.length + costPerName;
    if (this.#cost > namesLimit) throw new Damage("it has more files than can be kept apart");
    this.contents.set(name, wanted.has(name) ? content : undefined);
  }
}

/** Reads a snapshot as it passes by: the outer tar, the tars of its segments, and every JSON file in both. */
export function readSnapshot(): PushedReading<SnapshotContent> {
  return new PushedReading(snapshot());
}

function* snapshot(): Reading<SnapshotContent> {
  const found = new PassedFiles();
  let segments = 0;
  for (;;) {
    const member = yield* nextMember(found.contents);
    if (member === undefined) break;
    if (/^\d+\/segments\/[^/]+\.tar$/.test(member.name) && !member.isSparse) {
      yield* segment(member);
      segments++;
    } else {
      found.add(member.name, yield* content(member));
    }
    yield { skip: paddingOf(member.size) };
  }
  if (!isZero(yield { take: blockLength })) throw new Damage("the end mark is only half there");
  yield { zerosToEnd: true };
  return { ...assembled(found.contents), segments };
}

function assembled(found: ReadonlyMap<string, unknown>): Omit<SnapshotContent, "segments"> {
  const config = parsed(configSchema, found, "config.json");
  const { schema: indexes } = parsed(indexesSchema, found, "payload_index.json");
  parsed(z.string(), found, "version.info");
  const { shard_number: shards } = parsed(
    shardsSchema,
    new Map([["the shards in config.json", config.params]]),
    "the shards in config.json",
  );
  const shardConfigs = [...found.keys()].filter((name) => /^\d+\/shard_config\.json$/.test(name)).length;
  if (shardConfigs !== shards) throw new Damage(`it has ${shardConfigs} shards, and should have ${shards}`);
  return { config, indexes };
}

function parsed<Value>(schema: z.ZodType<Value>, found: ReadonlyMap<string, unknown>, name: string): Value {
  if (!found.has(name)) throw new Damage(`${name} is not in it`);
  const value = schema.safeParse(found.get(name));
  if (!value.success) throw new Damage(`${name} does not say what it should`);
  return value.data;
}

/** The tar of a segment, which the server writes without an end mark. */
function* segment({ name, size }: Member): Reading<void> {
  const found = new PassedFiles();
  let left = size;
  while (left > 0) {
    if (left < blockLength) throw new Damage(`${name} ends within a header`);
    const member = yield* nextMember(found.contents, (bytes) => (left -= bytes));
    if (left < 0) throw new Damage(`a header reaches beyond ${name}, which it is in`);
    if (member === undefined) {
      while (left > 0) {
        const length = Math.min(left, blockLength);
        if (!isZero(yield { take: length })) throw new Damage(`there is something behind the end mark of ${name}`);
        left -= length;
      }
      break;
    }
    const padding = paddingOf(member.size);
    if (member.size + padding > left) throw new Damage(`${member.name} is longer than the segment that it is in`);
    found.add(member.name, yield* content(member));
    yield { skip: padding };
    left -= member.size + padding;
  }
  if (![...found.contents.keys()].some((file) => file.endsWith("/segment.json")))
    throw new Damage(`${name} has no segment.json`);
}

/** The content of JSON and text files; nothing of the others, which are passed over. */
function* content({ name, size, isSparse }: Member): Reading<unknown> {
  const isJson = name.endsWith(".json");
  if (isSparse || (!isJson && !name.endsWith("version.info"))) {
    yield { skip: size };
    return undefined;
  }
  if (size > jsonLimit) throw new Damage(`${name} claims ${size} bytes`);
  const text = (yield { take: size }).toString("utf8");
  if (!isJson) {
    if (!/^\d+\.\d+\.\d+\n?$/.test(text)) throw new Damage(`${name} is no version`);
    return text;
  }
  try {
    return parseExact(text);
  } catch {
    throw new Damage(`${name} is not JSON`);
  }
}

/** The next member's header, or undefined at the end mark. `passed` is told of every block taken. */
function* nextMember(
  known: ReadonlyMap<string, unknown>,
  passed: (bytes: number) => void = () => undefined,
): Reading<Member | undefined> {
  let longName: string | undefined;
  for (;;) {
    const block = yield { take: blockLength };
    passed(blockLength);
    if (isZero(block)) {
      if (longName !== undefined) throw new Damage("a long name belongs to no file");
      return undefined;
    }
    const header = understood(decodeHeader(block));
    if (header.type === "L") {
      if (header.size > longNameLimit) throw new Damage(`a name claims ${header.size} bytes`);
      longName = (yield { take: header.size }).toString("utf8").replace(/\0+$/, "");
      yield { skip: paddingOf(header.size) };
      passed(header.size + paddingOf(header.size));
      continue;
    }
    if (!["0", "5", "S"].includes(header.type)) throw new Damage(`a member is of type ${JSON.stringify(header.type)}`);
    if (header.type === "S") yield* restOfMap(header, passed);
    const name = longName ?? header.name;
    if (name === "" || name.startsWith("/") || name.split("/").includes("..")) {
      throw new Damage(`${JSON.stringify(name)} is no name that a snapshot has`);
    }
    if (known.has(name)) throw new Damage(`${JSON.stringify(name)} is in it twice`);
    return { name, size: header.size, isSparse: header.type === "S" };
  }
}

/** What follows a sparse file's header has to be as long as its map says. */
function* restOfMap(header: Header, passed: (bytes: number) => void): Reading<void> {
  let { mapped, isExtended } = header;
  while (isExtended) {
    const further = understood(decodeSparseExtension(yield { take: blockLength }));
    passed(blockLength);
    mapped += further.mapped;
    ({ isExtended } = further);
  }
  if (mapped !== header.size) throw new Damage(`the map of ${JSON.stringify(header.name)} is not that of what follows`);
}

function understood<Value>(decoded: Value | string): Value {
  if (typeof decoded === "string") throw new Damage(decoded);
  return decoded;
}

function paddingOf(size: number): number {
  return (blockLength - (size % blockLength)) % blockLength;
}
