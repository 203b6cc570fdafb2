import { BackupError, type ContainerInfo } from "@sutazai/backup-core";

interface Refusal {
  readonly operation: string;
  /** What to do instead. */
  readonly hint: string;
}

/** Throws `unsupported` for a container that would vanish or be replaced if it were stopped. */
export function assertRestartable({ name, autoRemove, orchestrator }: ContainerInfo, refusal: Refusal): void {
  if (!autoRemove && orchestrator === undefined) return;
  throw new BackupError(
    "unsupported",
    autoRemove
      ? `container ${name} was started with --rm: stopping it would remove it`
      : `container ${name} belongs to ${orchestrator}, which would start another in its place`,
    refusal,
  );
}

/** Throws `unsupported` for a container that cannot be taken off its network. */
export function assertIsolatable({ name, networkMode }: ContainerInfo, refusal: Refusal): void {
  if (!/^(host|none|container:.*)$/.test(networkMode)) return;
  throw new BackupError(
    "unsupported",
    `container ${name} has the network mode ${networkMode}: nobody can be kept from writing to it`,
    refusal,
  );
}
