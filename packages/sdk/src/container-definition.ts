import type { ContainerDefinition, ContainerInfo } from "@sutazai/backup-core";

/** What of a container a manifest keeps, so that it can be made again: no value of its environment, no secret of its command. */
export function definitionOf(container: ContainerInfo): ContainerDefinition {
  return {
    name: container.name,
    image: container.image,
    imageId: container.imageId,
    command: withoutSecrets(container.command),
    mounts: container.mounts,
    networks: container.networks.map(({ name }) => name),
    ports: container.ports,
    environmentNames: Object.keys(container.environment).sort(),
  };
}

const redacted = "**redacted**";
const secretOption = "--?[\\w.-]*(?:pass|auth|secret|token|key|cred)[\\w.-]*";
const alone = new RegExp(`^${secretOption}$`, "i");
const withValue = new RegExp(`(${secretOption}(?:=|\\s+))("[^"]*"|'[^']*'|\\S+)`, "gi");

/** Redacts what follows an option that is called after a secret: as the next argument, behind `=`, or within a shell's command line. */
export function withoutSecrets(command: readonly string[]): string[] {
  return command.map((argument, index) =>
    alone.test(command[index - 1] ?? "") ? redacted : argument.replaceAll(withValue, `$1${redacted}`),
  );
}
