import { setTimeout as pause } from "node:timers/promises";
import { BackupError } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { classifyError, statusOf, tolerating } from "./classify-error.ts";

/** Kills and removes a container; returns when the daemon knows it no more. Whoever else is removing it is waited for. */
export async function removeContainer(
  docker: Docker,
  id: string,
  options: { readonly volumes: boolean },
): Promise<void> {
  const container = docker.getContainer(id);
  // 409: its removal is already in progress.
  const remove = () => tolerating([404, 409], container.remove({ force: true, v: options.volumes }));
  await insist(remove);
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await insist(() => tolerating([404], container.inspect()))) === undefined) return;
    await pause(100);
    await insist(remove);
  }
  throw new BackupError("unknown", `the container ${id.slice(0, 12)} cannot be removed`, {
    hint: `remove it with \`docker rm --force ${id.slice(0, 12)}\``,
  });
}

/** Removes a volume; whoever still uses it is waited for, as containers that end still do for a moment. */
export async function removeVolume(docker: Docker, name: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      return void (await insist(() => tolerating([404], docker.getVolume(name).remove())));
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
    }
    await pause(100);
  }
  throw new BackupError("locked", `the volume ${name} is still in use and cannot be removed`, {
    hint: `see who uses it with \`docker ps --all --filter volume=${name}\`; the next command removes it`,
  });
}

/**
 * What must not be left undone is asked again: a kept connection may have died unnoticed, and the next one is fresh; what is large may take longer to go than an
 * answer may.
 */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 3 || !classifyError(error).isRetryable) throw error;
      await pause(200);
    }
  }
}
