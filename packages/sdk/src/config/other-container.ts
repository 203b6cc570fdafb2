import type { ContainerInfo } from "@sutazai/backup-core";
import type { AdapterModule } from "../adapters.ts";

/** Options that say where a database is, or that hold only there. */
const whereabouts = ["container", "url", "host", "port", "volume", "directory", "image", "service"];

/**
 * The options of a configured database for another container: reached through that container alone, and with the credentials that it tells itself
 * where it does, else with those that are configured. What says how its own container is laid out goes for the other one too.
 */
export function optionsIn(
  module: AdapterModule,
  configured: Readonly<Record<string, unknown>>,
  container: ContainerInfo,
  name: string,
): Record<string, unknown> {
  const isByContainer = configured["container"] !== undefined;
  const { options = [], toldBy } = module.credentials ?? {};
  const dropped = new Set([
    ...(isByContainer ? [] : whereabouts),
    ...(toldBy !== undefined && tells(container, toldBy) ? options : []),
  ]);
  const kept = Object.entries(configured).filter(([option]) => !dropped.has(option));
  return { ...Object.fromEntries(kept), name, container: container.id };
}

function tells({ environment, command }: ContainerInfo, toldBy: RegExp): boolean {
  const variables = Object.entries(environment).flatMap(([variable, value]) => (value === "" ? [] : [variable]));
  return [...variables, ...command.flatMap((word) => word.split(/\s+/))].some((word) => toldBy.test(word));
}
