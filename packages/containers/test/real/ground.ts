import { randomBytes, randomInt } from "node:crypto";
import type { Bytes } from "@sutazai/backup-core";
import { dockerRuntime } from "@sutazai/backup-containers";
import Docker from "dockerode";

/** Any image with a POSIX shell, coreutils and perl; found before the tests begin (`packages/testkit/test/base-image.ts`). */
export const baseImage: string = process.env["BACKUP_TEST_BASE_IMAGE"] ?? "debian:trixie-slim";

export const docker: Docker = new Docker();
export const runtime = dockerRuntime();
export const never = new AbortController().signal;

/** A container to work on, removed at the end. */
export async function startBase(
  command: readonly string[],
  options: Docker.ContainerCreateOptions = {},
): Promise<Docker.Container & AsyncDisposable> {
  const container = await docker.createContainer({
    name: `containers-test-${randomBytes(4).toString("hex")}`,
    Image: baseImage,
    Entrypoint: [],
    Cmd: [...command],
    ...options,
  });
  await container.start();
  return Object.assign(container, {
    [Symbol.asyncDispose]: async () => {
      await container.remove({ force: true, v: true }).catch(() => undefined);
    },
  });
}

/** For a network with chosen addresses, `${prefix}.0/24`: no two test files may want the same, nor what a killed run has left. */
export function subnetPrefix(): string {
  return `10.213.${randomInt(256)}`;
}

export async function exists(id: string): Promise<boolean> {
  return docker
    .getContainer(id)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** Containers of ours with a name that begins so. */
export async function named(prefix: string): Promise<Docker.ContainerInfo[]> {
  const all = await docker.listContainers({ all: true });
  return all.filter(({ Names }) => Names.some((name) => name.startsWith(`/sutazai-${prefix}-`)));
}

/** Names of volumes of ours that begin so. */
export async function volumesNamed(prefix: string): Promise<string[]> {
  const { Volumes: volumes } = await docker.listVolumes();
  return (volumes ?? []).map(({ Name }) => Name).filter((name) => name.startsWith(`sutazai-${prefix}-`));
}

export async function* zeros(total: number, chunkSize: number = 64 * 1024): Bytes {
  for (let left = total; left > 0; left -= chunkSize) yield new Uint8Array(Math.min(chunkSize, left));
}

export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
