import { silentLogger, type ContainerInfo, type ContainerRuntime, type OperationContext } from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import { expect, test } from "vitest";
import { lookAtStopped, type StoppedServer } from "../src/restore/stopped.ts";

interface Stopped {
  readonly command?: readonly string[];
  readonly state?: ContainerInfo["state"];
  readonly says?: string;
  readonly file?: string;
}

const redis8 = "Redis server v=8.2.1 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=0\n";

function look({
  command = ["redis-server"],
  state = "exited",
  says = redis8,
  file,
}: Stopped): Promise<StoppedServer | undefined> {
  const container = { id: "c", name: "cache", imageId: "i", state, command, environment: {} };
  const containers = {
    inspect: async () => container,
    sidecar: async () => ({
      stdout: (async function* () {
        yield Buffer.from(says);
      })(),
      exit: Promise.resolve({ code: 0, signal: null, stderr: "", outOfMemory: false }),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    readArchive: () => writeTar([{ name: "redis.conf", content: Buffer.from(file ?? "") }]),
  } as unknown as ContainerRuntime;
  const context = { containers, logger: silentLogger, signal: new AbortController().signal } as OperationContext;
  return lookAtStopped(context, { container: "cache" }, "redis");
}

test.each([
  ["nothing but its program", {}, { directory: "/data", rdbFile: "dump.rdb", appendOnly: false }],
  [
    "options of its command",
    { command: ["docker-entrypoint.sh", "redis-server", "--appendonly", "yes", "--dir", "/srv", "--port", "7000"] },
    { directory: "/srv", appendOnly: true, aofDirectory: "appendonlydir", port: 7000 },
  ],
  [
    "a command within a shell",
    { command: ["sh", "-c", 'redis-server --dbfilename "a.rdb"'] },
    { rdbFile: "a.rdb", port: 6379 },
  ],
  [
    "a file, which its command overrides",
    {
      command: ["redis-server", "/etc/redis.conf", "--appendonly", "no"],
      file: '# dir /nowhere\nappendonly yes\nDIR "/srv/redis"\nport 7001\nloadmodule /x.so\n',
    },
    { directory: "/srv/redis", appendOnly: false, port: 7001, loadsModules: true },
  ],
  ["a directory from where it is started", { command: ["redis-server", "--dir", "./x"] }, { directory: "/data/x" }],
  ["an old one", { says: "Redis server v=6.2.14 sha=0" }, { aofDirectory: undefined, redis: "6.2.14" }],
  ["Valkey", { says: "Valkey server v=8.1.1 sha=0" }, { redis: "7.2.4", valkey: "8.1.1" }],
])("a server that does not run: %s", async (_, stopped, expected) => {
  const found = await look(stopped);
  expect({
    ...found?.where,
    port: found?.port,
    loadsModules: found?.loadsModules,
    redis: found?.info["redis_version"],
    valkey: found?.info["valkey_version"],
  }).toMatchObject(expected);
});

test("one that runs is looked at by asking it", async () => expect(await look({ state: "running" })).toBeUndefined());

test.each([
  ["includes another", { command: ["redis-server", "/r.conf"], file: "include /x.conf" }],
  ["is not absolute", { command: ["redis-server", "r.conf"] }],
])("a configuration file that %s is not guessed at", async (_, stopped) => {
  await expect(look(stopped)).rejects.toMatchObject({ reason: "unsupported", hint: expect.stringContaining("start") });
});

test("a program that tells no version is not guessed at", async () => {
  await expect(look({ says: "?" })).rejects.toMatchObject({ reason: "unsupported" });
});
