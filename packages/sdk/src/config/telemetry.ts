import { telemetrySecrets, telemetrySettingsSchema } from "../telemetry/settings.ts";
import { isPlainObject, mergeLayers, type Layer, type Merged } from "./layers.ts";
import { configurationError } from "./problems.ts";
import { wrapSecrets } from "./secrets.ts";

/** The merged settings with the headers of telemetry wrapped. */
export async function withWrappedTelemetry(merged: Merged): Promise<Merged> {
  const given = merged.values["telemetry"];
  if (!isPlainObject(given)) return merged;
  const chosen = { ...given };
  for (const secret of telemetrySecrets) {
    // A variable that is there for every program of a machine may meet the file that is named for this one.
    const [text, file] = [secret, `${secret}File`].map((name) => merged.originOf(["telemetry", name])?.origin);
    if (text === "variable" && file === "file") delete chosen[`${secret}File`];
  }
  const telemetry = await wrapSecrets(["telemetry"], chosen, telemetrySecrets, merged);
  return { ...merged, values: { ...merged.values, telemetry } };
}

/**
 * OpenTelemetry's variables may have been set for every program of a machine. One that is wrong keeps this program from nothing: it is
 * left out, and told.
 */
export function withoutMistakes(layer: Layer): { readonly layer: Layer; readonly warnings: readonly string[] } {
  const given = layer.values["telemetry"];
  if (!isPlainObject(given)) return { layer, warnings: [] };
  const isSecret = (name: string) => telemetrySecrets.some((secret) => name.startsWith(secret));
  const open = Object.fromEntries(Object.entries(given).filter(([name]) => !isSecret(name)));
  const parsed = telemetrySettingsSchema.safeParse(open);
  if (parsed.success) return { layer, warnings: [] };
  const wrong = new Set(parsed.error.issues.map(({ path }) => path[0]));
  const telemetry = Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name)));
  const { message } = configurationError(parsed.error, ["telemetry"], mergeLayers([layer]), []);
  return {
    layer: { ...layer, values: { ...layer.values, telemetry } },
    warnings: message.split("\n").map((line) => `${line}; it is left out`),
  };
}
