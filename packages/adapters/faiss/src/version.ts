import type { Place } from "@sutazai/backup-containers";
import { isBackupError, textOf, type ContainerRuntime } from "@sutazai/backup-core";

export const unknownVersion = "unknown";

/** Finds an interpreter with FAISS in it; `$1` is a program for it, the rest its arguments. Exit code 3: there is none. */
export const pythonScript = `program=$1
shift
for python in python3 python /opt/venv/bin/python; do
  command -v "$python" >/dev/null 2>&1 && "$python" -c 'import faiss' 2>/dev/null && exec "$python" -c "$program" "$@"
done
exit 3`;

const known = new Map<string, string>();

/** The version of the FAISS that the image has for Python; `unknown` where it has none, or where there is no image. An image never changes, so it is asked once. */
export async function libraryVersion(place: Place, containers: ContainerRuntime, signal: AbortSignal): Promise<string> {
  if (place.kind === "host") return unknownVersion;
  const found = known.get(place.image);
  if (found !== undefined) return found;
  const tool = await containers.sidecar({
    image: place.image,
    command: ["sh", "-c", pythonScript, "python", "import faiss; print(faiss.__version__)"],
    purpose: "faiss-version",
    signal,
  });
  const version = await textOf(tool, { tool: "python", operation: "faiss.version" }).then(
    (text) => text.trim(),
    (error: unknown) => {
      if (isBackupError(error) && error.reason === "tool-failed") return unknownVersion;
      throw error;
    },
  );
  known.set(place.image, version);
  return version;
}

/** Whether what a version has written may be too new for another one; where either is not known, nothing can be said. */
export function isNewer(written: string, reading: string): boolean {
  const major = (version: string) => Number(/^\d+/.exec(version)?.[0] ?? Number.NaN);
  return major(written) > major(reading);
}
