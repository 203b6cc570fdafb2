import { BackupError, type Json, type JournalOperation, type RecoveryContext } from "@sutazai/backup-core";
import type { ContainerInspectInfo } from "dockerode";
import { z } from "zod";
import { tolerating } from "./classify-error.ts";
import { aliasesOf } from "./container-info.ts";
import type { Engine } from "./engine.ts";
import { ownedBy, roleLabel, uniqueName, type Role } from "./ownership.ts";

/** How a container was on a network: what connecting it again takes. */
interface Attachment {
  readonly network: string;
  readonly name: string;
  readonly endpoint: { readonly [setting: string]: Json };
}

/** What the journal keeps of an isolated container. */
interface IsolatedContainer {
  readonly container: string;
  readonly name: string;
  /** The network it is put on. */
  readonly isolation: string;
  readonly attachments: readonly Attachment[];
}

const isolatedSchema: z.ZodType<IsolatedContainer> = z.strictObject({
  container: z.string(),
  name: z.string(),
  isolation: z.string(),
  attachments: z.array(
    z.strictObject({ network: z.string(), name: z.string(), endpoint: z.record(z.string(), z.json()) }),
  ),
});

export const isolateAction = "isolate";

/**
 * Takes a container off its networks, then puts it on an internal one. In this order only: where the internal network comes
 * first, Docker (20.10) moves the published ports over to it when the last other network goes, and every client comes along.
 */
export async function isolateContainer(
  { docker }: Engine,
  containerId: string,
  journal: JournalOperation,
): Promise<void> {
  const container = await docker.getContainer(containerId).inspect();
  const record = planIsolation(container, uniqueName("isolation"));
  for (const { network, name } of record.attachments) {
    const found = await docker.getNetwork(network).inspect();
    const role: string | undefined = found.Labels?.[roleLabel];
    if (role === ("isolation" satisfies Role)) throw alreadyIsolated(record.name, name);
  }
  await journal.record({
    part: "containers",
    action: isolateAction,
    data: { ...record, attachments: [...record.attachments] } as unknown as Json,
  });
  await docker.createNetwork({
    Name: record.isolation,
    Driver: "bridge",
    Internal: true,
    CheckDuplicate: true,
    Labels: await ownedBy("isolation"),
  });
  for (const { network } of record.attachments) {
    await docker.getNetwork(network).disconnect({ Container: record.container });
  }
  await docker.getNetwork(record.isolation).connect({ Container: record.container });
}

/**
 * Settles an isolation: off the internal network first, then back onto the others, so that the published ports
 * go where they were. From whatever point it had got to.
 */
export async function recoverIsolated({ docker }: Engine, data: unknown, context: RecoveryContext): Promise<void> {
  const { container, name, isolation, attachments } = isolatedSchema.parse(data);
  const now = await tolerating([404], docker.getContainer(container).inspect());
  if (now === undefined) {
    context.logger.warn({ container, name }, "a container that was isolated has been removed since");
  } else {
    const connected = now.NetworkSettings.Networks ?? {};
    if (isolation in connected) {
      await tolerating([404], docker.getNetwork(isolation).disconnect({ Container: container, Force: true }));
    }
    for (const { network, name: networkName, endpoint } of attachments) {
      if (networkName in connected) continue;
      await docker.getNetwork(network).connect({ Container: container, EndpointConfig: endpoint });
    }
  }
  await tolerating([404], docker.getNetwork(isolation).remove());
}

/** What will be recorded. Throws `unsupported` for a container whose network is not its own. */
export function planIsolation(inspected: ContainerInspectInfo, isolation: string): IsolatedContainer {
  const name = inspected.Name.replace(/^\//, "");
  const mode = inspected.HostConfig.NetworkMode ?? "default";
  if (mode === "host" || mode === "none" || mode.startsWith("container:")) {
    throw new BackupError("unsupported", `container ${name} cannot be isolated: its network mode is "${mode}"`, {
      operation: "containers.isolate",
      hint: "choose a restore method with another fence, or run the container on a network of its own",
    });
  }
  const attachments = Object.entries(inspected.NetworkSettings.Networks ?? {}).map(([network, settings]) => ({
    // A container that was connected while it was stopped has no network id yet.
    network: settings.NetworkID !== "" ? settings.NetworkID : network,
    name: network,
    endpoint: endpointOf(settings as unknown as Record<string, unknown>, inspected.Id),
  }));
  return { container: inspected.Id, name, isolation, attachments };
}

/** What a person chose; the rest (addresses given out, ids) Docker sets anew. */
function endpointOf(settings: Readonly<Record<string, unknown>>, containerId: string): Attachment["endpoint"] {
  const aliases = aliasesOf(settings["Aliases"] as string[] | null | undefined, containerId);
  const chosen = {
    ...pick(settings, ["IPAMConfig", "Links", "DriverOpts", "GwPriority"]),
    ...(aliases.length > 0 && { Aliases: aliases }),
  };
  return JSON.parse(JSON.stringify(chosen)) as Attachment["endpoint"];
}

function pick(settings: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => isSet(settings[name])).map((name) => [name, settings[name]]));
}

function isSet(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== 0;
}

function alreadyIsolated(name: string, network: string): BackupError {
  return new BackupError("locked", `container ${name} is isolated already, on the network ${network}`, {
    operation: "containers.isolate",
    hint: "an operation on it runs, or died: run `sutazai-backup recover`",
  });
}
