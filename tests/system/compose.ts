import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { testImage } from "@sutazai/backup-testkit";

const run = promisify(execFile);

/**
 * What the environment must say so that `docker compose` works: nothing where it is installed. Else the plugin is taken out of Debian's package of it,
 * in a throwaway container, into a directory that is the caller's to remove.
 */
export async function composeEnvironment(directory: string): Promise<Record<string, string>> {
  const installed = await run("docker", ["compose", "version"]).then(
    () => true,
    () => false,
  );
  if (installed) return {};
  // Any Debian would do; this one is needed anyway.
  const { image } = await testImage("postgres");
  const plugins = join(directory, "cli-plugins");
  const plugin = join(plugins, "docker-compose");
  await mkdir(plugins, { recursive: true });
  const script = `cd /tmp && { apt-get update -q && apt-get download -q docker-compose; } >&2 && dpkg-deb --fsys-tarfile docker-compose_*.deb | tar -xO ./usr/libexec/docker/cli-plugins/docker-compose`;
  await using file = await open(plugin, "w");
  const tool = spawn("docker", ["run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script], {
    stdio: ["ignore", file.fd, "inherit"],
  });
  const code = await new Promise<number | null>((resolve) => tool.once("close", resolve));
  if (code !== 0) throw new Error(`docker compose is not installed, and could not be had from Debian (${code})`);
  await chmod(plugin, 0o755);
  return { DOCKER_CONFIG: directory };
}
