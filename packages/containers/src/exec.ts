import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { BackupError, type ExecSpec, type ToolProcess } from "@sutazai/backup-core";
import type Docker from "dockerode";
import { ignoreLateErrors, transferFrom } from "./attached-output.ts";
import { throwIfAborted, tolerating } from "./classify-error.ts";
import type { Engine } from "./engine.ts";
import { poll } from "./poll.ts";
import { ToolSession, type Ended } from "./tool-session.ts";

const operation = "containers.exec";
const marker = "SUTAZAI_BACKUP_EXEC";

// Docker cannot kill an exec. Its processes are known by a random mark in their environment, which children inherit: no pid can be mistaken, and the server's own
// processes never carry it. As the same user, for another may not read it.
const killScript = `for pass in 1 2 3; do
  found=
  for file in /proc/[0-9]*/environ; do
    if tr '\\0' '\\n' <"$file" 2>/dev/null | grep -qxF "$1"; then
      pid=\${file#/proc/}; kill -9 "\${pid%/environ}" 2>/dev/null; found=1
    fi
  done
  [ -z "$found" ] && exit 0
done`;

/**
 * Runs a command inside a running container. It is started by Docker, not by the server, and killing it leaves no orphan to the
 * server as long as it has started no process of its own.
 */
export async function startExec({ docker }: Engine, containerId: string, spec: ExecSpec): Promise<ToolProcess> {
  throwIfAborted(spec.signal, operation);
  const container = docker.getContainer(containerId);
  const mark = `${marker}=${randomBytes(16).toString("hex")}`;
  const environment = Object.entries(spec.environment ?? {}).map(([name, value]) => `${name}=${value}`);
  const exec = await container.exec({
    Cmd: [...spec.command],
    Env: [...environment, mark],
    ...(spec.user !== undefined && { User: spec.user }),
    AttachStdin: spec.stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  });
  const socket: Duplex = await exec.start({ hijack: true, stdin: spec.stdin !== undefined });
  ignoreLateErrors(socket);
  return new ToolSession({
    name: `${spec.command[0] ?? "a command"} in the container`,
    signal: spec.signal,
    stdin: spec.stdin === undefined ? undefined : { source: spec.stdin, target: socket },
    transfer: transferFrom(socket),
    ended: () => poll(() => exitOf(exec)),
    async release() {
      try {
        await endExec(container, exec, mark, spec.user);
      } finally {
        socket.destroy();
      }
    },
  });
}

async function exitOf(exec: Docker.Exec): Promise<Ended | undefined> {
  const { Running: running, ExitCode: code } = await exec.inspect();
  return running || code === null ? undefined : { code, outOfMemory: false };
}

async function endExec(
  container: Docker.Container,
  exec: Docker.Exec,
  mark: string,
  user: string | undefined,
): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const state = await tolerating([404], exec.inspect());
    if (state === undefined || !state.Running) return;
    if (attempt % 10 === 0) await killMarked(container, mark, user);
    await pause(100);
  }
  throw new BackupError("unknown", "a command inside the container could not be ended", {
    operation,
    hint: "find it with `docker top <container>` and end it by hand; the container needs sh, tr and grep for this to work",
  });
}

async function killMarked(container: Docker.Container, mark: string, user: string | undefined): Promise<void> {
  const killer = await tolerating(
    [404, 409],
    container.exec({ Cmd: ["/bin/sh", "-c", killScript, "sh", mark], ...(user !== undefined && { User: user }) }),
  );
  if (killer !== undefined) await killer.start({ Detach: true });
}
