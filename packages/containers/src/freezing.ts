import {
  BackupError,
  textOf,
  type JournalEntry,
  type JournalOperation,
  type RecoveryContext,
} from "@sutazai/backup-core";
import type Docker from "dockerode";
import { z } from "zod";
import { tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { letGoScript } from "./frozen-script.ts";
import { startSidecar } from "./sidecar.ts";
import { startUnpauseWatchdog } from "./unpause-watchdog.ts";

/** What the journal keeps of a container that stands still. */
export interface Freeze {
  readonly container: string;
  readonly name: string;
  /** The name of the sidecar that copies its data. */
  readonly sidecar: string;
}

const schema: z.ZodType<Freeze> = z.strictObject({ container: z.string(), name: z.string(), sidecar: z.string() });

export const letGoAction = "let-go";
export const unpauseAction = "unpause";

export function recordFrozen(journal: JournalOperation, freeze: Freeze): Promise<JournalEntry> {
  return journal.record({ part: "containers", action: letGoAction, data: { ...freeze } });
}

/**
 * `docker pause`, ended at its time limit at the latest, and then `patience` is aborted. Where this process is killed, a watchdog ends it; where both are, the journal does,
 * with the next command. So it is only the way for daemons that allow no other.
 */
export async function pauseContainer(
  engine: Engine,
  freeze: Freeze,
  journal: JournalOperation,
  limitMs: number,
  patience: AbortController,
): Promise<{ readonly end: () => Promise<number> }> {
  const watchdog = await startUnpauseWatchdog(engine, freeze.container, limitMs);
  const entry = await journal.record({ part: "containers", action: unpauseAction, data: { ...freeze } });
  const start = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let ended: Promise<number> | undefined;
  const end = () =>
    (ended ??= (async () => {
      clearTimeout(timer);
      await entry.settle("finish");
      watchdog[Symbol.dispose]();
      return Math.ceil(performance.now() - start);
    })());
  try {
    await engine.docker.getContainer(freeze.container).pause();
  } catch (error) {
    await end();
    throw error;
  }
  timer = setTimeout(() => {
    end().then(
      () => patience.abort(tooLong(freeze, limitMs)),
      (error: unknown) => patience.abort(error),
    );
  }, limitMs);
  return { end };
}

/** Settles a pause: the container goes on. */
export async function recoverPaused({ docker }: Engine, data: unknown): Promise<void> {
  const container = docker.getContainer(schema.parse(data).container);
  const now = await tolerating([404], container.inspect());
  if (now?.State.Paused === true) await container.unpause();
}

/**
 * Settles a freeze: sees to it that the sidecar has ended, which lets the processes go on, and that they do. One that was killed itself
 * (for want of memory, by somebody) could not.
 */
export async function recoverFrozen(engine: Engine, data: unknown, context: RecoveryContext): Promise<void> {
  const { container, name, sidecar } = schema.parse(data);
  await tolerating([304, 404], engine.docker.getContainer(sidecar).stop({ t: 30 }));
  const server = engine.docker.getContainer(container);
  const now = await tolerating([404], server.inspect());
  if (now?.State.Running !== true || !(await standsStill(server))) return;
  context.logger.warn({ container, name }, "a container was still stopped for a copy; letting it go on");
  const tool = await startSidecar(
    engine,
    {
      image: now.Image,
      purpose: "let-go",
      command: [container],
      user: "0:0",
      signal: new AbortController().signal,
    },
    { script: letGoScript, hostProcesses: true },
  );
  await textOf(tool, { tool: "kill", operation: "containers.recover" });
}

/** Whether any of its processes is stopped, as far as the daemon can tell. */
async function standsStill(server: Docker.Container): Promise<boolean> {
  const listed = await server.top({ ps_args: "-eo pid,stat" }).catch(() => undefined);
  if (listed === undefined) return true;
  return (listed.Processes as string[][]).some(([, state = ""]) => state.startsWith("T"));
}

export function tooLong({ name }: { readonly name: string }, limitMs: number): BackupError {
  return new BackupError(
    "timeout",
    `copying the data of container ${name} took longer than it may stand still (${limitMs} ms); the copy was given up, and the server goes on`,
    {
      operation: "containers.frozenCopy",
      hint: "allow a longer pause, or take a method that does not stop the server",
      details: { limitMs },
    },
  );
}
