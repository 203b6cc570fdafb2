import type Docker from "dockerode";

/** What time it is for the daemon, in milliseconds since 1970: another host's clock, or this one's before it was set. */
export async function daemonTime(docker: Docker): Promise<number> {
  const { SystemTime: time } = (await docker.info()) as { readonly SystemTime: string };
  return Date.parse(time);
}
