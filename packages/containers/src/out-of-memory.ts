import type Docker from "dockerode";
import { daemonTime } from "./daemon-clock.ts";

/**
 * Whether a process of a container was ever killed for want of memory. Its state tells of process 1 alone, of its last end, and not at once; the daemon's events
 * tell of all, also once it was removed, and are waited for for a second.
 */
export async function ranOutOfMemory(
  docker: Docker,
  { Id: id, State: state, Created: created }: Docker.ContainerInspectInfo,
): Promise<boolean> {
  if (state.OOMKilled) return true;
  const events = await docker.getEvents({
    since: Math.floor(Date.parse(created) / 1000),
    // The daemon waits for a time that has not come.
    until: Math.floor((await daemonTime(docker)) / 1000) + 1,
    filters: { container: [id], event: ["oom"] },
  });
  let told = false;
  for await (const _ of events) told = true;
  return told;
}
