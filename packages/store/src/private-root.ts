import { chmod, mkdir, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { BackupError, codeOf, shellQuoted } from "@sutazai/backup-core";

const groupWrite = 0o020;
const othersWrite = 0o002;
const sticky = 0o1000;

/**
 * Makes the root of a store, or a directory of state, where there is none, private from the start, and checks that nobody else can change what is
 * in it: what is restored from it runs in databases with all rights, and what stands in a journal is done. So it belongs to us or to root, and
 * neither its group nor others write to it. Nobody may be able to put another directory in its place either: those above it, on the path as given and on
 * the real one where links lead elsewhere, are not writable by others unless sticky. Their groups are let be, since many
 * systems give every user a group of their own and make home directories writable by it.
 */
export async function preparePrivateRoot(root: string): Promise<void> {
  await makeRoot(root);
  const real = await realpath(root);
  const found = await stat(real);
  if (!found.isDirectory()) {
    throw notADirectory(root);
  }
  const self = process.getuid?.();
  if (self !== undefined && found.uid !== self && found.uid !== 0) {
    throw new BackupError(
      "permission",
      `${root} belongs to another user (${found.uid}), who can change what is in it`,
      {
        hint: `take it over with \`chown ${self} ${quoted(real)}\`, run as that user, or choose another directory`,
      },
    );
  }
  if ((found.mode & (groupWrite | othersWrite)) !== 0) {
    throw new BackupError("permission", `${root} can be written by other users (mode ${octal(found.mode)})`, {
      hint: `run \`chmod go-w ${quoted(real)}\` (on a file system without permissions, set them when mounting), or choose another directory`,
    });
  }
  for (const above of new Set([...directoriesAbove(root), ...directoriesAbove(real)])) {
    const { mode } = await stat(above);
    if ((mode & othersWrite) !== 0 && (mode & sticky) === 0) {
      throw new BackupError(
        "permission",
        `${above} can be written by everybody (mode ${octal(mode)}), who could put another directory in the place of ${root}`,
        { hint: `run \`chmod o-w ${quoted(above)}\`, or choose another directory` },
      );
    }
  }
}

async function makeRoot(root: string): Promise<void> {
  try {
    const first = await mkdir(root, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (const made of [root, ...directoriesAbove(root)]) {
      if (made.length >= first.length) await chmod(made, 0o700);
    }
  } catch (error) {
    if (codeOf(error) === "EEXIST" || codeOf(error) === "ENOTDIR") throw notADirectory(root, error);
    throw error;
  }
}

function notADirectory(root: string, cause?: unknown): BackupError {
  return new BackupError("not-found", `${root} is not a directory`, {
    hint: "name a directory, or move away the file that is there",
    ...(cause !== undefined && { cause }),
  });
}

function directoriesAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...directoriesAbove(above)];
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : shellQuoted(path);
}
