import { toJson, type Json } from "@sutazai/backup-core";
import { effectiveSettings } from "../config-show/effective.ts";
import type { LoadedConfig } from "../config/load.ts";

/** What files and variables set, without credentials. Flags are of one command, which is in the audit log itself; what is discovered comes and goes. */
export function auditedSettings(config: LoadedConfig): Json {
  const kept = effectiveSettings(config).filter(({ origin }) => origin === "file" || origin === "variable");
  return toJson(Object.fromEntries(kept.map(({ setting, value }) => [setting, value])));
}
