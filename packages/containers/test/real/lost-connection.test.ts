import { connect, createServer, type Server, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { baseImage, docker, named, never, runtime, until } from "./ground.ts";

const image = (await docker.getImage(baseImage).inspect()).Id;
const daemon = "/var/run/docker.sock";

// Between us and the daemon, to be cut.
let directory: string;
let socketPath: string;
let server: Server;
let sockets: Socket[] = [];

beforeEach(async () => {
  sockets = [];
  directory = await mkdtemp(join(tmpdir(), "containers-test-"));
  socketPath = join(directory, "docker.sock");
  server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: daemon, allowHalfOpen: true });
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far);
    far.pipe(near);
  }).listen(socketPath);
  await until("it listens", async () => server.listening);
});
afterEach(async () => {
  await cut("destroy");
  await rm(directory, { recursive: true, force: true });
});

/** `destroy`: as when the daemon dies. `end`: politely, as a proxy with a time limit does; later requests still pass. */
async function cut(how: "destroy" | "end"): Promise<void> {
  for (const socket of sockets) {
    if (how === "destroy") {
      socket.destroy();
    } else {
      socket.unpipe();
      // What still comes is taken: of output that nobody takes the daemon does not see the end, nor that of its container.
      socket.resume();
      socket.end();
    }
  }
  if (how === "destroy") await new Promise((resolve) => server.close(resolve));
}

describe("a sidecar whose connection is lost", () => {
  test.each(["destroy", "end"] as const)("is never a silent end (%s), and does not live on", async (how) => {
    const purpose = `lost-${how}`;
    const tool = await dockerRuntime({ socketPath }).sidecar({ image, purpose, command: ["yes"], signal: never });
    let read = 0;
    let isCut = false;
    const reading = (async () => {
      for await (const chunk of tool.stdout) {
        read += chunk.length;
        if (read < 1_000_000 || isCut) continue;
        isCut = true;
        await cut(how);
      }
      return tool.exit;
    })();
    const outcome = await reading.catch((error: unknown) => error);
    // Cut politely, and between two frames, the tool is seen to have ended: with the code of its dead-man's switch.
    expect([{ code: 143 }, { reason: "connection" }]).toContainEqual(
      expect.toSatisfy((expected: object) =>
        Object.entries(expected).every(([key, value]) => (outcome as Record<string, unknown>)[key] === value),
      ),
    );
    await until("it ended", async () => (await named(purpose)).every(({ State }) => State === "exited"));
    for (const { Id } of await named(purpose)) await docker.getContainer(Id).remove({ force: true });
  });
});

describe("a daemon that is not there", () => {
  test("is connection, with a hint", async () => {
    const away = dockerRuntime({ socketPath: join(directory, "nobody.sock") });
    await expect(away.list()).rejects.toMatchObject({
      reason: "connection",
      hint: expect.stringContaining("DOCKER_HOST"),
    });
  });

  test("is not looked for before it is needed", () => {
    expect(() => dockerRuntime({ host: "tcp://192.0.2.1:2375" })).not.toThrow();
  });
});

describe("finding containers", () => {
  test("a missing one is not-found", async () => {
    await expect(runtime.inspect("no/such container?")).rejects.toMatchObject({ reason: "not-found" });
  });
});
