import {
  exchangeFiles,
  planSwap,
  runAt,
  stagedAction,
  stopTolerantly,
  swapAsJson,
  swappedAction,
  unpackAside,
  type Swap,
} from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  isBackupError,
  type ArtifactSource,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { writeTar, type TarEntry } from "@sutazai/backup-formats";
import { readDataDirectory } from "../data-file.ts";
import { systemName } from "../databases.ts";
import { detailsOf } from "../details.ts";
import { loadInto } from "../dump/admin.ts";
import { readDump } from "../dump/dump-file.ts";
import { whilePassing } from "../dump/while-passing.ts";
import { dataArtifact, dumpArtifact, type FormName } from "../forms.ts";
import type { Neo4jOptions } from "../options.ts";
import { whenReady, type Started } from "../ready.ts";
import { dataDirectoryOf, withContainer, type ContainerSite, type Site } from "../target.ts";
import { keeps } from "./plan.ts";
import { validate } from "./validate.ts";

// POSIX sh. $1: the data directory, $2: the directory aside, then databases to keep. What the backup does not bring stays as it is, while the server is
// stopped: databases named, which are copied as the server will write to them, and whatever lies beside, which is linked.
const keepRest = `set -e
cd -- "$1"
new=$2/new aside=$2
shift 2
flags=
cp --reflink=auto --sparse=always /dev/null "$aside/.probe" 2>/dev/null && flags='--reflink=auto --sparse=always'
rm -f "$aside/.probe"
for entry in ./* ./.[!.]* ./..?*; do
  [ -e "$entry" ] || continue
  case $entry in "./$aside"|./lost+found|./databases|./transactions) continue ;; esac
  [ -e "$new/$entry" ] || cp -al "$entry" "$new/" 2>/dev/null || { rm -rf "$new/$entry"; cp -a $flags "$entry" "$new/"; }
done
for part in databases transactions; do
  mkdir -p "$new/$part"
  for name in "$@"; do
    [ ! -e "$part/$name" ] || cp -a $flags "$part/$name" "$new/$part/"
  done
  like=.
  [ ! -d "$part" ] || like=$part
  chown "$(stat -c %u:%g "$like")" "$new/$part"
  chmod "$(stat -c %a "$like")" "$new/$part"
done
sync
`;

/**
 * Exchanges the data while the server is stopped, if it was not before; it runs afterwards. In the journal, oldest first: the isolation (by the fence), the data loaded beside, the
 * stop, the exchange; undone in the opposite order. What does not load is found before the server is stopped.
 */
export async function restoreByReplacing(
  context: OperationContext,
  target: Site,
  source: ArtifactSource,
  form: FormName,
  options: Neo4jOptions,
): Promise<RestoreFacts> {
  const { containers, journal, signal, progress } = context;
  const reached = withContainer(target);
  const { container } = reached;
  const directory = dataDirectoryOf(container);
  const swap = planSwap(
    { kind: "container", container: container.id, image: container.imageId, directory },
    journal.id,
    isStopped(container),
  );
  const names = detailsOf(source.manifest).databases.map(({ name }) => name);
  const keepsSystem = keeps(options, names);
  const warnings: string[] = [];

  await journal.record({ part: target.database, action: stagedAction, data: swapAsJson(swap) });
  if (form === "data") await unpack(context, source, swap, names, keepsSystem);
  else
    await load(
      context,
      reached,
      source,
      swap,
      names.filter((name) => !(keepsSystem && name === systemName)),
    );
  progress({ step: "stopping the server" });
  if (await stopTolerantly(containers, container.id, journal)) {
    warnings.push("the server did not end by itself and was killed; its data is kept until the restore has succeeded");
  }
  signal.throwIfAborted();
  await runAt(swap.place, containers, {
    purpose: "neo4j-keep",
    script: keepRest,
    arguments: [directory, swap.aside, ...(keepsSystem ? [systemName] : [])],
    writes: true,
    signal,
  });
  await journal.record({ part: target.database, action: swappedAction, data: swapAsJson(swap) });
  await exchangeFiles(containers, swap, signal);

  progress({ step: "starting the server" });
  await containers.start(container.id);
  const started = await startedWith(context, reached, options, keepsSystem);
  await using server = started.server;
  progress({ step: "comparing with the backup" });
  return { ...(await validate(server, source.manifest, form, keepsSystem)), warnings };
}

/** Loads every dump into a data directory of its own, beside the one in use; each is read to its end on the way. */
async function load(
  { containers, signal, progress }: OperationContext,
  { container }: ContainerSite,
  source: ArtifactSource,
  { place, aside }: Swap,
  names: readonly string[],
): Promise<void> {
  const directory = `${place.directory}/${aside}/new`;
  const script = `cd -- "$1" && mkdir -p "$2/new" && { stat -c %u:%g databases 2>/dev/null || stat -c %u:%g .; }`;
  const tool = { purpose: "neo4j-owner", script, arguments: [place.directory, aside], writes: true, signal };
  const owner = (await runAt(place, containers, tool)).trim();
  const store = { image: container.imageId, volumesOf: container.id, directory };
  for (const name of names) {
    progress({ step: `loading ${name}` });
    const dump = whilePassing(
      source.read(dumpArtifact(name)),
      (bytes) => readDump(bytes, signal),
      () => undefined,
    );
    await loadInto(containers, store, name, owner, dump, signal);
  }
}

async function unpack(
  { containers, signal, progress }: OperationContext,
  source: ArtifactSource,
  swap: Swap,
  names: readonly string[],
  keepsSystem: boolean,
): Promise<void> {
  progress({ step: "unpacking the data beside the present one" });
  async function* entries(): AsyncIterable<TarEntry> {
    for await (const entry of readDataDirectory(source.read(dataArtifact), names)) {
      if (!keepsSystem || !isOfSystem(entry.name)) yield entry;
    }
  }
  await unpackAside(containers, swap, writeTar(entries()), signal);
}

/** What the server keeps as its own where its users stay: `system`, and what tells who it is. */
function isOfSystem(path: string): boolean {
  const [part = "", name = ""] = path.split("/");
  return name === systemName || part === "dbms" || part === "server_id";
}

async function startedWith(
  { containers, signal }: OperationContext,
  target: ContainerSite,
  options: Neo4jOptions,
  keepsSystem: boolean,
): Promise<Started> {
  try {
    const port = options.port === undefined ? {} : { port: options.port };
    return await whenReady(containers, target.container, target, { signal, ...port });
  } catch (error) {
    if (!isBackupError(error) || error.reason !== "authentication" || keepsSystem) throw error;
    throw new BackupError("authentication", `the users that were restored have other passwords: ${error.message}`, {
      operation: "neo4j.restore",
      hint: "the restore is undone; give the password of the time of the backup in the setting `password`, or set `system` to keep",
      cause: error,
    });
  }
}
