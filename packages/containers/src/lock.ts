import { setTimeout as pause } from "node:timers/promises";
import { BackupError, describeProcess, livenessOf } from "@sutazai/backup-core";
import { statusOf, tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { ownedBy, ownerOf } from "./ownership.ts";
import { removeContainer } from "./removal.ts";

/** The name is the lock: the daemon gives it to one container only. */
function lockName(containerId: string): string {
  return `sutazai-backup-lock-${containerId.slice(0, 12)}`;
}

export async function lockContainer({ docker }: Engine, containerId: string, image: string): Promise<AsyncDisposable> {
  const name = lockName(containerId);
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const made = await docker.createContainer({
        name,
        Image: image,
        Entrypoint: ["/never/started"],
        Labels: await ownedBy("lock"),
        HostConfig: { NetworkMode: "none" },
      });
      return { [Symbol.asyncDispose]: () => removeContainer(docker, made.id, { volumes: true }) };
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
    }
    const held = await tolerating([404], docker.getContainer(name).inspect());
    if (held !== undefined) {
      const owner = ownerOf(held.Config.Labels);
      if (owner === undefined || (await livenessOf(owner)) !== "dead") {
        throw lockedBy(owner === undefined ? `the container ${name}` : describeProcess(owner), held.Created);
      }
      // By its id: the name may by now be the lock of somebody who lives.
      await removeContainer(docker, held.Id, { volumes: true });
    }
    // Between two answers the name can be taken though its container is not yet, or no longer, to be seen.
    await pause(50);
  }
  throw lockedBy(`the container ${name}`, "unknown");
}

export async function unlockContainer({ docker }: Engine, containerId: string): Promise<boolean> {
  const held = await tolerating([404], docker.getContainer(lockName(containerId)).inspect());
  if (held === undefined) return false;
  await removeContainer(docker, held.Id, { volumes: true });
  return true;
}

function lockedBy(holder: string, since: string): BackupError {
  return new BackupError("locked", `another operation is using this database: ${holder}, since ${since}`, {
    operation: "containers.lock",
    hint: "wait until it has ended, or run `sutazai-backup unlock` if you know that it is no longer running",
    details: { holder, since },
  });
}
