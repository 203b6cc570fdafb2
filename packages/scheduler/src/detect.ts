import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { BackupError } from "@sutazai/backup-core";
import { cronBackend } from "./cron/backend.ts";
import type { Backend, BackendName } from "./plan.ts";
import { systemdBackend, type BackendOptions } from "./systemd/backend.ts";

export const backends: Readonly<Record<BackendName, (options: BackendOptions) => Backend>> = {
  systemd: systemdBackend,
  cron: cronBackend,
};

/** systemd where it runs this host, else cron where there is one. Throws `tool-missing` where there is neither. */
export async function detectBackend({ place }: BackendOptions): Promise<BackendName> {
  const { root } = place;
  const has = (path: string) => isThere(join(root, path));
  // A running system is told by what sd_booted(3) looks at; another root by what is installed in it.
  if (await has(root === "/" ? "run/systemd/system" : "etc/systemd/system")) return "systemd";
  if (place.scope === "system" ? await has("etc/cron.d") : await isProgram("crontab")) return "cron";
  throw new BackupError("tool-missing", "neither systemd nor cron runs on this host", {
    operation: "schedule",
    hint: "install cron, or run `sutazai-backup daemon` (in a container, say)",
  });
}

async function isProgram(name: string): Promise<boolean> {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  return (await Promise.all(directories.map((directory) => isThere(join(directory, name))))).includes(true);
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
