import { join } from "node:path";
import envPaths from "env-paths";

/** Root keeps backups where the platform keeps its data; everybody else in their XDG directories. */
export function defaultDirectories(isRoot: boolean = process.getuid?.() === 0): {
  readonly store: string;
  readonly state: string;
  readonly config: string;
} {
  if (isRoot)
    return { store: "/opt/sutazaiapp/backups", state: "/var/lib/sutazai-backup", config: "/etc/sutazai-backup" };
  const paths = envPaths("sutazai-backup", { suffix: "" });
  return { store: join(paths.data, "backups"), state: paths.log, config: paths.config };
}
