import { BackupError, type ContainerInfo, type ContainerRuntime, type DatabaseKind } from "@sutazai/backup-core";
import { adapterModules, supportedKinds } from "./adapters.ts";

export interface DiscoveredDatabase {
  readonly name: string;
  readonly kind: DatabaseKind;
  readonly container: string;
  /** `name`: it is called `sutazai-<kind>`. `label`: it says so itself. */
  readonly by: "name" | "label";
}

export interface Discovery {
  readonly databases: readonly DiscoveredDatabase[];
  /** Containers whose image looks like a database: shown, never touched unasked. */
  readonly candidates: readonly { readonly kind: DatabaseKind; readonly container: string; readonly image: string }[];
}

const kindLabel = "sutazai.backup";
const nameLabel = "sutazai.backup.name";

/**
 * Looks through the containers of the daemon. A container is a database of ours where it is called `sutazai-<kind>` or
 * carries the label `sutazai.backup=<kind>` (and, where there are two of a kind, `sutazai.backup.name=<name>`).
 */
export async function discover(containers: ContainerRuntime): Promise<Discovery> {
  const all = await containers.list();
  const databases = all
    .flatMap(recognise)
    .sort((a, b) => supportedKinds.indexOf(a.kind) - supportedKinds.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
  const taken = new Set(databases.map(({ container }) => container));
  const twice = databases.find(({ name }, index) => databases.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) {
    const rivals = databases.filter(({ name }) => name === twice.name).map(({ container }) => container);
    throw new BackupError("configuration", `${rivals.join(" and ")} would both be called "${twice.name}"`, {
      operation: "discover",
      hint: `give each a label ${nameLabel}=<name>, or list them under "databases" in sutazai-backup.config.yaml`,
    });
  }
  const candidates = all
    .filter(({ name }) => !taken.has(name))
    .flatMap(({ name, image }) =>
      Object.values(adapterModules)
        .filter((module) => module.image.test(image))
        .map(({ kind }) => ({ kind, container: name, image })),
    );
  return { databases, candidates };
}

function recognise({ name, labels }: ContainerInfo): DiscoveredDatabase[] {
  const label = labels[kindLabel];
  const kind = supportedKinds.find((candidate) => candidate === (label ?? name.replace(/^sutazai-/, "")));
  if (kind === undefined || (label === undefined && name !== `sutazai-${kind}`)) return [];
  return [{ name: labels[nameLabel] ?? kind, kind, container: name, by: label === undefined ? "name" : "label" }];
}
