import { createHash } from "node:crypto";
import { BackupError, type DatabaseKind } from "@sutazai/backup-core";

/** In a backup's directory. Artifacts are never given these names. */
export const manifestFile = "manifest.json";
export const annotationsFolder = "annotations";

/** Where the folders of a kind's databases lie, below the store's root. */
export const vectorFolder = "vector-databases";
const vectorKinds: ReadonlySet<DatabaseKind> = new Set(["qdrant", "chromadb", "faiss"]);

/** What POSIX file systems take as one component, in bytes. */
const longestComponent = 255;
const longestPath = 1000;

/**
 * One component of a path, of ASCII letters, digits, `_`, `-`, `.` and `%` only: everything else is percent-encoded by its
 * UTF-8 bytes. So are a dot at either end and a dash in front (hidden files, `..`, what a tool takes for an option) and
 * the first letter of what Windows takes for a device. The empty name is `%`, which nothing else becomes.
 */
export function encodeComponent(text: string): string {
  if (text === "") return "%";
  return Buffer.from(text, "utf8")
    .toString("latin1")
    .replaceAll(/[^A-Za-z0-9_.-]/g, percent)
    .replaceAll(/^[.-]|\.$/g, percent)
    .replace(/^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i, percentFirst);
}

function percentFirst(text: string): string {
  return percent(text) + text.slice(1);
}

function percent(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** The front of a name that cannot be used as it is, and a digest of all of it. `~` comes from nowhere else. */
function shortened(encoded: string, whole: string): string {
  // UTF-16, because a lone half of a surrogate pair has no UTF-8 form of its own.
  const digest = createHash("sha256").update(whole, "utf16le").digest("hex").slice(0, 16);
  return `${encoded.slice(0, 200).replace(/%.?$/, "")}~${digest}`;
}

/**
 * The folder of a database's backups, below the root: its name, with vector databases together. Dots are encoded too, so
 * that no database can take the name of one of the store's own files.
 */
export function databaseFolder(database: string, kind: DatabaseKind): string {
  const name = folderName(database);
  return vectorKinds.has(kind) ? `${vectorFolder}/${name}` : name;
}

/** Every folder that a database of this name may have, whatever its kind. */
export function databaseFolders(database: string): string[] {
  return [folderName(database), `${vectorFolder}/${folderName(database)}`];
}

function folderName(database: string): string {
  const encoded = encodeComponent(database).replaceAll(".", "%2E");
  const name = encoded.length > longestComponent ? shortened(encoded, database) : encoded;
  return name.toLowerCase() === vectorFolder ? percentFirst(name) : name;
}

/** Whether a folder can be a database's: others (`lost+found`) are none of the store's. */
export function isDatabaseFolder(name: string): boolean {
  return /^[A-Za-z0-9_%][A-Za-z0-9_%~-]*$/.test(name) && name.toLowerCase() !== vectorFolder;
}

/** The database whose folder it is, as far as the name alone tells: for backups whose manifest does not. */
export function databaseOfFolder(folder: string): string {
  const name = folder.slice(folder.lastIndexOf("/") + 1);
  try {
    return name === "%" ? "" : decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Ids of backups are made by `newId`; what is asked for comes from outside and must not lead out of a folder. */
export function isBackupId(id: string): boolean {
  return /^[0-9]{8}T[0-9]{6}(?:\.[0-9]{3})?Z-[0-9a-z]{6}$/.test(id);
}

/** Whether a path of a manifest stays within the backup's directory and away from the store's own files there. */
export function isArtifactFile(file: string): boolean {
  const [first, ...rest] = file.split("/");
  return (
    !/[\\\0]/.test(file) &&
    Buffer.byteLength(file) <= longestPath &&
    [first, ...rest].every((part) => part !== "" && part !== "." && part !== ".." && fits(part)) &&
    first !== annotationsFolder &&
    file !== manifestFile
  );
}

function fits(component: string | undefined): boolean {
  return Buffer.byteLength(component ?? "") <= longestComponent;
}

/** The files of one backup's artifacts: different artifacts get different files, also where case makes no difference. */
export class ArtifactNames {
  readonly #names = new Set<string>();
  /** Folded to lower case, with how each is really written. */
  readonly #files = new Map<string, string>([manifestFile, annotationsFolder].map((file) => [file, file]));
  readonly #folders = new Map<string, string>();

  /** The path for an artifact, kept for it until released. Throws `unsupported` for a name already taken or empty. */
  claim(name: string, suffix: string): string {
    if (name === "" || this.#names.has(name)) {
      const problem = name === "" ? "an artifact has no name" : `the artifact "${name}" is written twice`;
      throw new BackupError("unsupported", problem, {
        operation: "store.write",
        hint: "report this as a fault of the adapter",
      });
    }
    const components = name.split("/").map(encodeComponent);
    const folders = components.slice(0, -1);
    const last = components.at(-1) ?? "";
    const candidates = [
      [...folders, last + suffix],
      [...folders, shortened(last, name) + suffix],
      [shortened(last, name) + suffix],
    ];
    const chosen = candidates.find((candidate) => this.#isFree(candidate));
    if (chosen === undefined) {
      throw new BackupError("unsupported", `no file name is free for the artifact "${name}"`, {
        operation: "store.write",
      });
    }
    const path = chosen.join("/");
    this.#names.add(name);
    this.#files.set(path.toLowerCase(), path);
    for (const folder of foldersOf(path)) this.#folders.set(folder.toLowerCase(), folder);
    return path;
  }

  release(name: string, file: string): void {
    this.#names.delete(name);
    this.#files.delete(file.toLowerCase());
  }

  #isFree(components: readonly string[]): boolean {
    const path = components.join("/");
    const folded = path.toLowerCase();
    return (
      path.length <= longestPath &&
      components.every((component) => component.length <= longestComponent) &&
      !this.#files.has(folded) &&
      !this.#folders.has(folded) &&
      foldersOf(path).every(
        (folder) =>
          !this.#files.has(folder.toLowerCase()) && (this.#folders.get(folder.toLowerCase()) ?? folder) === folder,
      )
    );
  }
}

/** `a/b/c` lies in `a` and `a/b`. */
export function foldersOf(path: string): string[] {
  const components = path.split("/").slice(0, -1);
  return components.map((_, index) => components.slice(0, index + 1).join("/"));
}
