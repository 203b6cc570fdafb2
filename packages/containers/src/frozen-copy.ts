import {
  BackupError,
  assertSucceeded,
  isStopped,
  outputOf,
  type Bytes,
  type ContainerInfo,
  type FrozenCopy,
  type FrozenCopySpec,
  type ToolProcess,
} from "@sutazai/backup-core";
import { statusOf, throwIfAborted } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { inspectContainer, inspectRunning } from "./finding.ts";
import { pauseContainer, recordFrozen, tooLong, type Freeze } from "./freezing.ts";
import { frozenExits, frozenScript } from "./frozen-script.ts";
import { linesOf } from "./lines.ts";
import { ownedBy, uniqueName } from "./ownership.ts";
import { removeVolume } from "./removal.ts";
import { startSidecar } from "./sidecar.ts";

const operation = "containers.frozenCopy";
const defaultPauseMs = 10_000;

/** What a file system needs besides the content: its own structures, and what is written until the copy is made. */
const spareFactor = 1.05;
const spareKib = 16 * 1024;

type Taken = Pick<FrozenCopy, "method" | "frozenMs" | "capture">;

export async function takeFrozenCopy(engine: Engine, spec: FrozenCopySpec): Promise<FrozenCopy> {
  throwIfAborted(spec.signal, operation);
  const container = await inspectContainer(engine, spec.container.id);
  for (const path of spec.paths) assertOnMount(container, path);
  const wasStopped = isStopped(container);
  if (!wasStopped) await inspectRunning(engine, container.id);

  await using made = new AsyncDisposableStack();
  const volumes: Record<string, string> = {};
  for (const path of spec.paths) {
    const name = uniqueName(spec.purpose);
    await engine.docker.createVolume({ Name: name, Labels: await ownedBy("frozen") });
    made.defer(() => removeVolume(engine.docker, name));
    volumes[path] = name;
  }
  const copying: Copying = { engine, spec, container, volumes };
  const taken = wasStopped ? await copyStopped(copying) : await copyRunning(copying);
  const owned = made.move();
  return {
    ...taken,
    volumes,
    read: (path) => readCopy(copying, path, owned),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Copying {
  readonly engine: Engine;
  readonly spec: FrozenCopySpec;
  readonly container: ContainerInfo;
  readonly volumes: Readonly<Record<string, string>>;
}

async function copyRunning(copying: Copying): Promise<Taken> {
  try {
    return await copyBy(copying, "sigstop");
  } catch (error) {
    if (!(error instanceof CannotSignal)) throw error;
    try {
      return await copyBy(copying, "pause");
    } catch (second) {
      throw second instanceof CannotSignal ? second.cause : second;
    }
  }
}

async function copyStopped(copying: Copying): Promise<Taken> {
  const taken = await copyBy(copying, "stopped");
  const { engine, container } = copying;
  const now = await inspectContainer(engine, container.id);
  if (now.state !== container.state || now.startedAt !== container.startedAt) {
    throw new BackupError("tool-failed", `container ${container.name} was started while it was copied`, {
      operation,
      hint: "try again: it will be copied as one that runs",
    });
  }
  return taken;
}

/** Thrown where this daemon lets nobody signal the container's processes. */
class CannotSignal extends Error {}

async function copyBy(copying: Copying, method: FrozenCopy["method"]): Promise<Taken> {
  const { engine, spec, container } = copying;
  const limitMs = spec.maxPauseMs ?? defaultPauseMs;
  const name = uniqueName(spec.purpose);
  const order = Promise.withResolvers<void>();
  const patience = new AbortController();
  const signal = AbortSignal.any([spec.signal, patience.signal]);
  await using tool = await startCopier(copying, method, { name, limitMs, signal, order: order.promise });
  const lines = linesOf(tool.stdout);
  const space = await nextLine(tool, lines, "ready", copying);
  assertSpace(space, container);

  using _ = await engine.freezing.take(spec.signal);
  const freeze: Freeze = { container: container.id, name: container.name, sidecar: name };
  const record = method === "sigstop" ? await recordFrozen(spec.journal, freeze) : undefined;
  const from = new Date().toISOString();
  try {
    if (method !== "pause") {
      order.resolve();
      await nextLine(tool, lines, "frozen", copying);
      const to = new Date().toISOString();
      const [hundredths = 0] = await nextLine(tool, lines, "copied", copying);
      assertSucceeded(await tool.exit, { tool: "cp", operation });
      return { method, frozenMs: method === "stopped" ? 0 : hundredths * 10, capture: { from, to } };
    }
    const paused = await pauseContainer(engine, freeze, spec.journal, limitMs, patience);
    try {
      const to = new Date().toISOString();
      order.resolve();
      await nextLine(tool, lines, "copied", copying);
      return { method, frozenMs: await paused.end(), capture: { from, to } };
    } finally {
      await paused.end();
    }
  } finally {
    // The sidecar first: its end lets the processes go on, and the record is settled by looking whether they do.
    await tool[Symbol.asyncDispose]();
    await record?.settle("finish");
  }
}

async function startCopier(
  { engine, spec, container, volumes }: Copying,
  method: FrozenCopy["method"],
  run: { readonly name: string; readonly limitMs: number; readonly signal: AbortSignal; readonly order: Promise<void> },
): Promise<ToolProcess> {
  const { State: state } = await engine.docker.getContainer(container.id).inspect();
  const places = spec.paths.map((path, index): [path: string, place: string] => [path, `/.sutazai-frozen-${index}`]);
  const writable = Object.fromEntries(places.map(([path, place]) => [place, volumes[path] ?? ""]));
  const signals = method === "sigstop";
  try {
    return await startSidecar(
      engine,
      {
        image: container.imageId,
        purpose: spec.purpose,
        command: [
          container.id,
          String(state.Pid),
          signals ? (run.limitMs / 1000).toFixed(3) : "none",
          spec.ahead === true && method !== "stopped" ? "ahead" : "none",
          ...places.flat(),
        ],
        user: "0:0",
        volumesOf: container.id,
        volumesReadOnly: true,
        stdin: lineAt(run.order),
        signal: run.signal,
      },
      { name: run.name, script: frozenScript, hostProcesses: signals, writable, undoes: signals },
    );
  } catch (error) {
    // With user namespaces, or behind a proxy with a policy, the daemon refuses the host's processes.
    const isRefused = [400, 403, 500].includes(statusOf(error) ?? 0);
    throw signals && isRefused ? new CannotSignal("the daemon refuses", { cause: error }) : error;
  }
}

/** A line when it is time, and then nothing, without an end: an end would say that this process has died. */
async function* lineAt(moment: Promise<void>): Bytes {
  await moment;
  yield Buffer.from("go\n");
  await new Promise(() => undefined);
}

/** The numbers behind the word that must come next; throws what the sidecar's exit tells where it does not. */
async function nextLine(
  tool: ToolProcess,
  lines: AsyncIterator<string>,
  word: string,
  { spec, container }: Copying,
): Promise<number[]> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done === true) break;
    const [said, ...numbers] = value.split(" ");
    if (said === word) return numbers.map(Number);
  }
  const exit = await tool.exit;
  const { code } = exit;
  if (code === frozenExits.cannotStop)
    throw new CannotSignal(exit.stderr, { cause: cannotStop(container, exit.stderr) });
  if (code === frozenExits.tooLong) throw tooLong(container, spec.maxPauseMs ?? defaultPauseMs);
  if (code === frozenExits.continued) {
    throw new BackupError("tool-failed", `somebody let container ${container.name} go on while it was copied`, {
      operation,
      hint: "see who sends SIGCONT to its processes, then try again",
    });
  }
  assertSucceeded(exit, { tool: "the copy", operation, hint: "see the message; the container goes on as before" });
  throw new BackupError("tool-failed", "the copy ended without a word", { operation });
}

function assertSpace([neededKib = 0, freeKib = 0]: readonly number[], { name }: ContainerInfo): void {
  const wanted = neededKib * spareFactor + spareKib;
  if (freeKib >= wanted) return;
  const mebibytes = (kib: number) => Math.ceil(kib / 1024);
  throw new BackupError(
    "no-space",
    `a copy of the data of container ${name} needs ${mebibytes(wanted)} MiB where Docker keeps its volumes; ${mebibytes(freeKib)} MiB are free`,
    { operation, hint: "free some space there (`docker system df`), or take a method that needs no copy" },
  );
}

function cannotStop({ name }: ContainerInfo, why: string): BackupError {
  return new BackupError("unsupported", `the processes of container ${name} cannot be stopped: ${why.trim()}`, {
    operation,
    hint: "take a method that does not need it",
  });
}

/** Only what a sidecar can mount as well: not the container's own layer, not its memory. */
function assertOnMount({ name, mounts }: ContainerInfo, path: string): void {
  const within = (directory: string) => path === directory || path.startsWith(`${directory.replace(/\/$/, "")}/`);
  const isPlain = path.startsWith("/") && !/(^|\/)\.{0,2}(\/|$)/.test(path.slice(1));
  const mount = mounts
    .filter(({ destination }) => within(destination))
    .sort((a, b) => b.destination.length - a.destination.length)[0];
  if (isPlain && (mount?.type === "volume" || mount?.type === "bind")) return;
  throw new BackupError(
    "unsupported",
    isPlain
      ? `${path} of container ${name} is not on a volume, so that nothing else can read it${mount?.type === "tmpfs" ? ": it is in memory" : ": it is in the container's own layer"}`
      : `${JSON.stringify(path)} is not an absolute path`,
    { operation, hint: `mount a volume at ${path}`, details: { path } },
  );
}

/** Whoever has stopped reading early may not have noticed yet when the copy is disposed: `open` ends the readers first. */
async function* readCopy(
  { engine, spec, container, volumes }: Copying,
  path: string,
  open: AsyncDisposableStack,
): Bytes {
  const volume = volumes[path];
  if (volume === undefined) throw new Error(`${path} was not asked for when the copy was made`);
  const tool = await startSidecar(engine, {
    image: container.imageId,
    purpose: `${spec.purpose}-read`,
    command: ["tar", "-c", "-f", "-", "-C", "/.sutazai-frozen", "."],
    user: "0:0",
    volumes: { "/.sutazai-frozen": volume },
    volumesReadOnly: true,
    signal: spec.signal,
  });
  open.use(tool);
  yield* outputOf(tool, { tool: "tar", operation });
}
