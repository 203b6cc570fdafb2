/** Where a setting may come from, the weakest first. */
export type Origin = "discovered" | "file" | "variable" | "flag";

/** Settings from one source, by setting name; databases by name, then option. */
export interface Layer {
  readonly origin: Origin;
  /** How a message calls this source's setting at a path: `BACKUP_DIR`, `dir in /etc/…/sutazai-backup.config.yaml`. */
  readonly nameOf: (path: readonly string[]) => string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface Merged {
  readonly values: Readonly<Record<string, unknown>>;
  /** The source that a value came from, or that of the nearest setting above it. */
  readonly sourceOf: (path: readonly string[]) => string;
  /** Where exactly this value came from; undefined where no source gives it, so that it has its default. */
  readonly originOf: (path: readonly string[]) => { readonly origin: Origin; readonly name: string } | undefined;
}

/** Merges layers, the strongest last. Databases, retention, schedules, budgets, channels, telemetry and the daemon are merged option by option, everything else is replaced. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const values: Record<string, unknown> = {};
  const sources = new Map<string, Layer>();
  const put = (target: Record<string, unknown>, path: readonly string[], value: unknown, layer: Layer): void => {
    const key = path.at(-1) ?? "";
    const isTable = isPlainObject(value) && isMerged(path);
    sources.set(path.join("\0"), layer);
    if (!isTable) {
      target[key] = value;
      return;
    }
    const table = isPlainObject(target[key]) ? { ...target[key] } : {};
    target[key] = table;
    for (const [name, inner] of Object.entries(value)) put(table, [...path, name], inner, layer);
  };
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer.values)) {
      if (value !== undefined) put(values, [name], value, layer);
    }
  }
  return {
    values,
    sourceOf: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const layer = sources.get(path.slice(0, length).join("\0"));
        if (layer !== undefined) return layer.nameOf(path);
      }
      return path.join(".");
    },
    originOf: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const above = path.slice(0, length);
        const layer = sources.get(above.join("\0"));
        // A table that is merged says nothing of the settings that it leaves out.
        if (layer !== undefined && (length === path.length || !isMerged(above)))
          return { origin: layer.origin, name: layer.nameOf(path) };
      }
      return undefined;
    },
  };
}

const tables = ["retention", "schedules", "daemon", "budgets", "telemetry"];
const tablesOfDatabases = ["retention", "budgets"];

function isMerged([first = "", second, third, ...deeper]: readonly string[]): boolean {
  if (first === "databases") return third === undefined || tablesOfDatabases.includes(third);
  // A channel, or one of the webhooks.
  if (first === "notifications") return third === undefined || (second === "webhooks" && deeper.length === 0);
  return tables.includes(first);
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
