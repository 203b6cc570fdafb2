import { BackupError } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { tolerating } from "./classify-error.ts";

/**
 * Mounts of volumes that must exist: Docker would make what does not, and fill an empty one with what the image has at its path.
 */
export async function volumeMounts(
  docker: Docker,
  volumes: Readonly<Record<string, string>> | undefined,
  { readOnly }: { readonly readOnly: boolean },
): Promise<Docker.MountSettings[]> {
  return Promise.all(
    Object.entries(volumes ?? {}).map(async ([path, volume]): Promise<Docker.MountSettings> => {
      if ((await tolerating([404], docker.getVolume(volume).inspect())) === undefined) {
        throw new BackupError("not-found", `there is no volume ${JSON.stringify(volume)}`, {
          operation: "containers.volumes",
          hint: "look at `docker volume ls` for its name",
          details: { volume },
        });
      }
      return {
        Type: "volume",
        Source: volume,
        Target: path,
        ReadOnly: readOnly,
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "", Options: {} } },
      };
    }),
  );
}
