import type { TarEntryType, TarHeader } from "./entry.ts";

/** PATH_MAX of Linux: nothing longer can be unpacked. */
const nameLimit = 4096;
/** What the names already seen may take in memory: about 500,000 of ordinary length. */
const namesLimit = 64 * 1024 * 1024;
const costPerName = 64;

/**
 * Decides entry by entry what an archive may hold, so that unpacking it writes nowhere but below the directory it is unpacked into,
 * and means the same to every tool. Returns what is wrong with an entry, or undefined; it must be asked about every entry, in order.
 *
 * - Only the given types.
 * - Names stay inside, none comes twice, and whatever another name goes through is a directory.
 * - A `link` names a file that came before it. A `symlink` is relative and stays inside; `..` only leads it, since behind another
 *   symbolic link it would mean something else to the kernel than to us.
 */
export function tarPolicy(types: readonly TarEntryType[]): (header: TarHeader) => string | undefined {
  const seen = new Map<string, TarEntryType | "implied">();
  let namesCost = 0;

  const remember = (name: string, type: TarEntryType | "implied"): void => {
    seen.set(name, type);
    namesCost += name.length + costPerName;
  };

  return (header) => {
    const { name, type } = header;
    if (!types.includes(type)) return `it is a ${type}, and only ${types.join(", ")} is allowed here`;
    if (name.length > nameLimit) return `its name is longer than ${nameLimit} characters`;
    if (!staysInside(name) || (name === "." && type !== "directory")) return "its name leads out of the archive";
    const before = seen.get(name);
    if (before !== undefined && !(before === "implied" && type === "directory")) return "its name was there before";

    // From the innermost out, up to one that is known: those around that one were looked at when it came.
    for (let slash = name.lastIndexOf("/"); slash > 0; slash = name.lastIndexOf("/", slash - 1)) {
      const parent = name.slice(0, slash);
      const parentType = seen.get(parent);
      if (parentType === "implied" || parentType === "directory") break;
      if (parentType !== undefined) return `it lies below the ${parentType} ${parent}`;
      remember(parent, "implied");
    }
    remember(name, type);
    if (namesCost > namesLimit) return "it comes after more names than can be kept apart";

    const target = header.linkName;
    if (type !== "link" && type !== "symlink")
      return target === undefined ? undefined : `it is a ${type} that links to something`;
    if (target === undefined || target === "") return "it links to nothing";
    if (type === "link")
      return seen.get(target) === "file" ? undefined : `it links to ${target}, which is no file before it`;
    return symlinkStaysInside(name, target) ? undefined : `it points to ${target}, outside the archive`;
  };
}

/** Brings a name into the one form that can be compared: no `.` segments, no doubled or closing `/`; `.` for the root. */
export function normalizeName(name: string): string {
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  const normal = segments.join("/") || ".";
  return name.startsWith("/") ? `/${normal}` : normal;
}

function staysInside(name: string): boolean {
  return name !== "" && !name.startsWith("/") && !name.includes("\0") && !name.split("/").includes("..");
}

function symlinkStaysInside(name: string, target: string): boolean {
  if (target.startsWith("/") || target.includes("\0") || target.length > nameLimit) return false;
  const segments = target.split("/").filter((segment) => segment !== "" && segment !== ".");
  const firstDown = segments.findIndex((segment) => segment !== "..");
  const up = firstDown === -1 ? segments.length : firstDown;
  return !segments.slice(up).includes("..") && up < name.split("/").length;
}
