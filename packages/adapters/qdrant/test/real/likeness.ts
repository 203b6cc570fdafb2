/**
 * What two answers must have in common. Left out is what differs from run to run: times, sizes, ids of peers and temporary paths, and the
 * order in which a map happens to be printed. Floating-point numbers are rounded to what arithmetic in float32 can promise.
 */
export function likeness(value: unknown, names: ReadonlyMap<string, string>, key: string = ""): unknown {
  if (volatile.has(key)) return `some ${typeof value}`;
  if (typeof value === "number") return Number.isInteger(value) ? value : Number(value.toPrecision(5));
  if (typeof value === "string") return text(value, names);
  if (Array.isArray(value)) return value.map((item) => likeness(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, likeness(item, names, name)]));
}

const volatile = new Set(["time", "size", "creation_time", "peer_id", "startup", "avg_duration_micros"]);

function text(value: string, names: ReadonlyMap<string, string>): unknown {
  if (
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value) &&
    !value.startsWith("0000")
  ) {
    return "some UUID";
  }
  if (value.startsWith("# HELP")) return metrics(value);
  const ours = [...names].reduce((result, [theirs, mine]) => result.replaceAll(theirs, mine), value);
  return ours.replace(/`\/qdrant\/storage\/tmp\/.*`/, "`some path`").replace(/column \d+/, "some column");
}

/** The recording of the metrics was cut off: whole lines of what it knows, in any order. */
function metrics(value: string): string[] {
  const cut = value.indexOf("# HELP collection_active_replicas_max");
  return value.slice(0, cut).split("\n").toSorted();
}
