import { constants } from "node:fs";
import { access, lstat, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, toBackupError } from "@sutazai/backup-core";
import { fail, pass, skip, warn, type Check, type Finding } from "../check.ts";
import type { Subject } from "../subject.ts";

const ofOthers = 0o077;
const writableByOthers = 0o022;
/** So many files are looked at; in a store that is larger, the rest was made by the same program. */
const mostFiles = 20_000;

export const permissionChecks: readonly Check[] = [
  {
    id: "permissions.user",
    layer: "permissions",
    title: "This user is root, or in the group of Docker's socket",
    run: (subject) =>
      ofSocket(subject, async (path) => {
        const uid = process.getuid?.();
        if (uid === 0) return pass("root");
        const { gid } = await stat(path);
        return process.getgroups?.().includes(gid) === true
          ? pass(`user ${uid}, in group ${gid}`)
          : fail(`user ${uid} is not in group ${gid}`, "join the docker group, or run as root");
      }),
  },
  {
    id: "permissions.docker-socket",
    layer: "permissions",
    title: "Docker's socket may be used",
    run: (subject) =>
      ofSocket(subject, async (path) => {
        await access(path, constants.R_OK | constants.W_OK).catch((error: unknown) => {
          throw toBackupError(error, { hint: "start Docker; join the docker group, or run as root" });
        });
        return pass(path);
      }),
  },
  {
    id: "permissions.docker-exposed",
    layer: "permissions",
    title: "Docker's socket is not open to everybody",
    run: (subject) =>
      ofSocket(subject, async (path) =>
        ((await stat(path)).mode & 0o002) === 0
          ? pass("only its owner and group may use it")
          : fail(`everybody on this host may use ${path}, and is root by that`, `chmod o-rw ${path}`),
      ),
  },
  {
    id: "permissions.store",
    layer: "permissions",
    title: "Nobody else can read or change what is in the store",
    needs: ["store"],
    run: async (subject) => privateDirectory((await subject.directories()).store),
  },
  {
    id: "permissions.above-store",
    layer: "permissions",
    title: "Nobody else can put another directory in the store's place",
    needs: ["store"],
    run: async (subject) => {
      for (let path = dirname((await subject.directories()).store); ; path = dirname(path)) {
        const { mode } = await stat(path);
        if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0)
          return fail(`everybody can write to ${path}`, `chmod o-w ${path}`);
        if (path === dirname(path)) return pass("the directories above are safe");
      }
    },
  },
  {
    id: "permissions.files",
    layer: "permissions",
    title: "No file in the store can be read by others",
    needs: ["store"],
    run: async (subject) => {
      const { store } = await subject.directories();
      const { looked, open } = await openFiles(store);
      if (open.length > 0) return warn(`${open.length} can, the first is ${open[0]}`, `chmod -R go-rwx ${store}`);
      return pass(`${looked} looked at${looked >= mostFiles ? " (not all)" : ""}`);
    },
  },
  {
    id: "permissions.state",
    layer: "permissions",
    title: "Nobody else can read or change the journal",
    needs: ["configuration"],
    run: async (subject) => {
      const { state } = await subject.directories();
      return privateDirectory(state).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return skip(`there is no ${state} yet`);
        throw error;
      });
    },
  },
];

async function ofSocket(subject: Subject, look: (path: string) => Promise<Finding>): Promise<Finding> {
  const host = subject.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  const path = /^unix:\/\/(.*)$/.exec(host)?.[1];
  if (path === undefined) return skip(`Docker is not reached by a socket (DOCKER_HOST)`);
  // That Docker does not answer is another check's to say.
  if ((await stat(path).catch(() => undefined)) === undefined) return skip(`there is no ${path}`);
  return look(path);
}

async function privateDirectory(path: string): Promise<Finding> {
  const { mode, uid } = await stat(path);
  const self = process.getuid?.();
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  if (self !== undefined && uid !== self && uid !== 0)
    return fail(`${path} belongs to another user (${uid})`, `chown ${self} ${path}`);
  if ((mode & writableByOthers) !== 0) return fail(`others can write to ${path} (${octal})`, `chmod go-w ${path}`);
  return (mode & ofOthers) === 0
    ? pass(`${path} (${octal})`)
    : warn(`others can look into ${path} (${octal})`, `chmod 0700 ${path}`);
}

async function openFiles(root: string): Promise<{ readonly looked: number; readonly open: readonly string[] }> {
  const left = [root];
  const open: string[] = [];
  let looked = 0;
  for (let directory = left.pop(); directory !== undefined && looked < mostFiles; directory = left.pop()) {
    for (const entry of await readdir(directory, { withFileTypes: true }).catch(goneMeanwhile)) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) left.push(path);
      if (!entry.isFile()) continue;
      looked += 1;
      const found = await lstat(path).catch(() => undefined);
      // A file is out of reach where its directory is: what counts is the store's own, checked above.
      if (found !== undefined && (found.mode & ofOthers) !== 0) open.push(path);
    }
  }
  return { looked, open };
}

function goneMeanwhile(error: unknown): [] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}
