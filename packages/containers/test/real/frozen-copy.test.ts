import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  Journal,
  silentLogger,
  type Bytes,
  type FrozenCopySpec,
  type OpenOperation,
  type RecoveryContext,
} from "@sutazai/backup-core";
import { dockerRuntime, localTool } from "@sutazai/backup-containers";
import type Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docker, exists, never, runtime, startBase, until } from "./ground.ts";
import { runVictim } from "./victim.ts";

let scratch: string;
let journal: Journal;
let context: RecoveryContext;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "containers-test-"));
  journal = new Journal(join(scratch, "journal"));
  context = { logger: silentLogger, containers: runtime, scratch };
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const begin = (): Promise<OpenOperation> => journal.begin({ command: "test", database: "db" }, () => runtime, context);

const unsettled = async () => (await journal.list()).filter(({ records }) => records.length > 0);

/** Two processes, each with numbered files that it gives the same new content one after the other: never more than one step apart. */
const writers = [
  "perl",
  "-e",
  `mkdir "/data/$_" for qw(a b); my $name = fork ? "a" : "b";
   for (my $turn = 1; ; $turn++) { for my $file (100 .. 199) {
     open my $out, ">", "/data/$name/new" or die; print $out $turn; close $out; rename "/data/$name/new", "/data/$name/$file";
   } }`,
];

/** Whatever can happen to files that a first copy has seen: each turn overwrites in place with the same size and an old time, makes one, deletes one and swaps directories. */
const changers = [
  "perl",
  "-e",
  `mkdir "/data/$_" for qw(kept c made x y); for my $file (1 .. 500) { open my $out, ">", "/data/kept/$file"; print $out $file }
   for my $name (qw(x y)) { open my $out, ">", "/data/$name/which"; print $out $name }
   for my $file (100 .. 199) { open my $out, ">", "/data/c/$file"; print $out "00000000" }
   sub in_place { my ($path, $text) = @_; open my $out, "+<", $path or open $out, ">", $path; print $out $text; close $out; utime 1e9, 1e9, $path }
   my $x = "x";
   for (my $turn = 1; ; $turn++) {
     in_place("/data/c/$_", sprintf "%08d", $turn) for 100 .. 199;
     in_place("/data/made/$turn", ""); unlink "/data/made/" . ($turn - 1);
     in_place("/data/state", "swapping"); rename "/data/x", "/data/t"; rename "/data/y", "/data/x"; rename "/data/t", "/data/y"; $x = $x eq "x" ? "y" : "x";
     in_place("/data/state", "x is $x  "); select undef, undef, undef, 0.03;
   }`,
];

/** So many files that copying them takes a while, though they hold nothing. */
const manyFiles = (perDirectory: number) => [
  "perl",
  "-e",
  `for my $d (1 .. 60) { mkdir "/data/$d"; for my $f (1 .. ${perDirectory}) { open my $out, ">", "/data/$d/$f"; } }
   open my $out, ">", "/data/ready"; close $out; while (1) { sleep 1 }`,
];

async function startOnVolume(command: readonly string[], options: Docker.ContainerCreateOptions = {}) {
  const volume = `containers-test-${randomBytes(4).toString("hex")}`;
  await docker.createVolume({ Name: volume });
  const HostConfig = { Mounts: [{ Type: "volume", Source: volume, Target: "/data" }], ...options.HostConfig };
  const container = await startBase(command, { ...options, HostConfig: HostConfig as Docker.HostConfig });
  const remove = container[Symbol.asyncDispose].bind(container);
  return Object.assign(container, {
    async [Symbol.asyncDispose]() {
      await remove();
      await docker.getVolume(volume).remove();
    },
  });
}

async function specFor(container: Docker.Container, rest: Partial<FrozenCopySpec> = {}): Promise<FrozenCopySpec> {
  const info = await runtime.inspect(container.id);
  return { container: info, paths: ["/data"], purpose: "test-copy", journal: await begin(), signal: never, ...rest };
}

/** The states of the container's processes, as the kernel tells them. */
async function states(container: Docker.Container): Promise<string[]> {
  const { Processes } = await container.top({ ps_args: "-eo pid,stat" });
  return (Processes as string[][]).map(([, state = ""]) => state);
}

const standsStill = async (container: Docker.Container) =>
  (await states(container)).every((state) => state.startsWith("T"));
const goesOn = async (container: Docker.Container) =>
  (await states(container)).every((state) => !state.startsWith("T"));

/** Unpacks a tar on this host. */
async function unpacked(tar: Bytes): Promise<string> {
  const directory = await mkdtemp(join(scratch, "copy-"));
  const tool = await localTool({ command: ["tar", "-x", "-f", "-", "-C", directory], stdin: tar, signal: never });
  expect(await tool.exit).toMatchObject({ code: 0 });
  return directory;
}

/** The numbers in a writer's files, in the order in which they are written. */
async function turnsOf(directory: string): Promise<number[]> {
  const files = (await readdir(directory)).filter((name) => name !== "new").sort();
  return Promise.all(files.map(async (name) => Number(await readFile(join(directory, name), "utf8"))));
}

const written = async (container: Docker.Container, file: string): Promise<boolean> => {
  const found = runtime.readArchive(container.id, file, never)[Symbol.asyncIterator]();
  return found.next().then(
    async () => {
      await found.return?.();
      return true;
    },
    () => false,
  );
};

describe("a frozen copy", () => {
  test.each([false, true])(
    "shows all files of all processes at one moment, and the server goes on (ahead: %s)",
    async (ahead) => {
      await using container = await startOnVolume(writers);
      await until(
        "both write",
        async () => (await written(container, "/data/a/199")) && written(container, "/data/b/199"),
      );
      let last = 0;
      for (let round = 0; round < 3; round++) {
        await using copy = await runtime.frozenCopy(await specFor(container, { ahead }));
        expect(copy.method).toBe("sigstop");
        expect(copy.frozenMs).toBeGreaterThanOrEqual(0);
        expect(Date.parse(copy.capture.from)).toBeLessThanOrEqual(Date.parse(copy.capture.to));
        expect(await goesOn(container)).toBe(true);
        const directory = await unpacked(copy.read("/data"));
        const turns = [await turnsOf(join(directory, "a")), await turnsOf(join(directory, "b"))];
        for (const numbers of turns) {
          expect(numbers.length).toBe(100);
          // What comes later in a turn is at the same turn or one behind.
          expect([...numbers].sort((a, b) => b - a)).toEqual(numbers);
          expect((numbers[0] ?? 0) - (numbers.at(-1) ?? 0)).toBeLessThanOrEqual(1);
        }
        expect(turns[0]?.[0]).toBeGreaterThan(last);
        last = turns[0]?.[0] ?? 0;
      }
      expect(await unsettled()).toEqual([]);
    },
  );

  test("that was begun ahead misses nothing of what was changed, made, deleted and moved since", async () => {
    await using container = await startOnVolume(changers);
    await until("it writes", () => written(container, "/data/state"));
    const states = new Set<string>();
    for (let round = 0; round < 4; round++) {
      await using copy = await runtime.frozenCopy(await specFor(container, { ahead: true }));
      const directory = await unpacked(copy.read("/data"));
      const numbers = await turnsOf(join(directory, "c"));
      expect([...numbers].sort((a, b) => b - a)).toEqual(numbers);
      expect((numbers[0] ?? 0) - (numbers.at(-1) ?? 0)).toBeLessThanOrEqual(1);
      const made = (await readdir(join(directory, "made"))).map(Number);
      for (const turn of made) expect(Math.abs(turn - (numbers[0] ?? 0))).toBeLessThanOrEqual(1);
      expect(made.length).toBeLessThanOrEqual(2);
      expect((await readdir(join(directory, "kept"))).length).toBe(500);
      const state = (await readFile(join(directory, "state"), "utf8")).trim();
      states.add(state);
      if (state === "swapping") continue;
      expect(`x is ${await readFile(join(directory, "x/which"), "utf8")}`).toBe(state);
    }
    expect(states.size).toBeGreaterThan(0);
  });

  test.each([false, true])(
    "keeps owners, modes, times, links and holes, can be mounted in the place of the original, and is removed (ahead: %s)",
    async (ahead) => {
      await using container = await startOnVolume([
        "sh",
        "-c",
        `cd /data; mkdir "a b"; echo one > "a b/file"; chown 12:34 "a b/file"; chmod 4751 "a b/file"; touch -d @1000000000 "a b/file"
       ln "a b/file" hard; ln -s "a b/file" soft; truncate -s 200M holes; mkfifo pipe; chown 5:6 .; chmod 0710 .; touch ready; exec sleep 600`,
      ]);
      await until("it is ready", () => written(container, "/data/ready"));
      const look = "cd /data && stat -c '%n %F %s %b %a %u:%g %h %Y %N' . 'a b/file' hard soft holes pipe";
      const list = async (of: object) => {
        const { imageId } = await runtime.inspect(container.id);
        const tool = await runtime.sidecar({
          image: imageId,
          purpose: "look",
          command: ["sh", "-c", look],
          signal: never,
          ...of,
        });
        const chunks: Uint8Array[] = [];
        for await (const chunk of tool.stdout) chunks.push(chunk);
        expect(await tool.exit).toMatchObject({ code: 0 });
        return Buffer.concat(chunks).toString();
      };
      const copy = await runtime.frozenCopy(await specFor(container, { ahead }));
      const volume = copy.volumes["/data"] ?? "";
      const original = await list({ volumesOf: container.id, volumesReadOnly: true });
      expect(original).toContain("4751 12:34 2 1000000000");
      expect(await list({ volumes: { "/data": volume }, volumesReadOnly: true })).toBe(original);
      await copy[Symbol.asyncDispose]();
      expect((await docker.listVolumes({ filters: { name: [volume] } })).Volumes).toEqual([]);
    },
  );

  test("takes a stopped container as it is, and leaves it stopped", async () => {
    await using container = await startOnVolume(["sh", "-c", "echo here > /data/file"]);
    await container.wait();
    await using copy = await runtime.frozenCopy(await specFor(container));
    expect(copy).toMatchObject({ method: "stopped", frozenMs: 0 });
    expect(await readdir(await unpacked(copy.read("/data")))).toEqual(["file"]);
    expect((await runtime.inspect(container.id)).state).toBe("exited");
  });

  test("is refused for what no sidecar can mount, and for a paused container", async () => {
    await using container = await startOnVolume(["sleep", "600"], { HostConfig: { Tmpfs: { "/memory": "" } } });
    for (const path of ["/etc", "/memory", "/data/../etc", "data"]) {
      const attempt = runtime.frozenCopy(await specFor(container, { paths: [path] }));
      await expect(attempt).rejects.toMatchObject({ reason: "unsupported", hint: expect.any(String) });
    }
    await container.pause();
    const attempt = runtime.frozenCopy(await specFor(container));
    await expect(attempt).rejects.toMatchObject({ reason: "connection", hint: expect.stringContaining("unpause") });
    expect((await runtime.inspect(container.id)).state).toBe("paused");
    await container.unpause();
  });

  test("leaves what stood still before as it was", async () => {
    await using container = await startOnVolume([
      "sh",
      "-c",
      "sleep 601 & kill -STOP $!; touch /data/ready; exec sleep 600",
    ]);
    await until("it is ready", () => written(container, "/data/ready"));
    const before = (await states(container)).filter((state) => state.startsWith("T")).length;
    expect(before).toBe(1);
    // The journal's own look would let it go on, as it cannot know better: the copier itself must not.
    await using copy = await runtime.frozenCopy(await specFor(container, { journal: unrecorded }));
    expect(copy.method).toBe("sigstop");
    expect((await states(container)).filter((state) => state.startsWith("T")).length).toBe(before);
  });
});

const unrecorded = { id: "", record: async (record: never) => ({ record, settle: async () => undefined }) };

describe("a copy that takes too long", () => {
  let container: Awaited<ReturnType<typeof startOnVolume>>;
  const volumesNow = async () => (await docker.listVolumes({ filters: { name: ["sutazai-test-copy"] } })).Volumes;

  beforeAll(async () => {
    container = await startOnVolume(manyFiles(1000));
    await until("the files are there", () => written(container, "/data/ready"));
  });
  afterAll(() => container[Symbol.asyncDispose]());

  test("is given up at the limit, and the server goes on", async () => {
    const attempt = runtime.frozenCopy(await specFor(container, { maxPauseMs: 100 }));
    await expect(attempt).rejects.toMatchObject({ reason: "timeout", details: { limitMs: 100 } });
    expect(await goesOn(container)).toBe(true);
    expect(await volumesNow()).toEqual([]);
    expect(await unsettled()).toEqual([]);
  });

  test("can be cancelled while the server stands still", async () => {
    const cancelling = new AbortController();
    const attempt = runtime.frozenCopy(await specFor(container, { maxPauseMs: 3_600_000, signal: cancelling.signal }));
    attempt.catch(() => undefined);
    await until("it stands still", () => standsStill(container));
    cancelling.abort();
    await expect(attempt).rejects.toMatchObject({ reason: "cancelled" });
    expect(await goesOn(container)).toBe(true);
    expect(await volumesNow()).toEqual([]);
  });

  test("whose process is killed lets the server go on, each time", async () => {
    for (let time = 0; time < 10; time++) {
      await using victim = await runVictim("freeze", container.id, join(scratch, "journal"));
      await until("it stands still", () => standsStill(container));
      await victim.kill();
      await until("it goes on", () => goesOn(container));
    }
    for (const found of await unsettled()) await journal.settle(found, () => runtime, context);
    await runtime.removeOrphans();
    const left = await docker.listVolumes({ filters: { name: ["sutazai-abandoned-copy"] } });
    expect(left.Volumes).toEqual([]);
    expect(await goesOn(container)).toBe(true);
  });

  test("whose sidecar is killed lets the server go on through the journal", async () => {
    const attempt = runtime.frozenCopy(await specFor(container, { maxPauseMs: 3_600_000 }));
    attempt.catch(() => undefined);
    await until("it stands still", () => standsStill(container));
    const [sidecar] = await docker.listContainers({ filters: { name: ["sutazai-test-copy"] } });
    expect(await exists(sidecar?.Id ?? "")).toBe(true);
    await docker.getContainer(sidecar?.Id ?? "").kill();
    await expect(attempt).rejects.toMatchObject({ reason: "tool-failed" });
    expect(await goesOn(container)).toBe(true);
  });
});

describe("where the daemon lets nobody see the host's processes", () => {
  test("the container is paused, and goes on at the end or at the limit", async () => {
    const socketPath = join(scratch, "docker.sock");
    await using _ = await listen(socketPath);
    const strict = dockerRuntime({ socketPath });
    await using container = await startOnVolume(manyFiles(20));
    await until("the files are there", () => written(container, "/data/ready"));
    await using copy = await strict.frozenCopy(await specFor(container, { maxPauseMs: 3_600_000 }));
    expect(copy.method).toBe("pause");
    expect(copy.frozenMs).toBeGreaterThan(0);
    expect((await runtime.inspect(container.id)).state).toBe("running");
    expect((await readdir(await unpacked(copy.read("/data")))).length).toBe(61);
    const attempt = strict.frozenCopy(await specFor(container, { maxPauseMs: 1 }));
    await expect(attempt).rejects.toMatchObject({ reason: "timeout" });
    expect((await runtime.inspect(container.id)).state).toBe("running");
    expect(await unsettled()).toEqual([]);
  });

  test("a container whose process was killed goes on, without a next command", async () => {
    const socketPath = join(scratch, "kept.sock");
    await using _ = await listen(socketPath);
    await using container = await startOnVolume(manyFiles(500));
    await until("the files are there", () => written(container, "/data/ready"));
    await using victim = await runVictim("freeze", container.id, join(scratch, "journal"), `unix://${socketPath}`);
    await until("it is paused", async () => (await runtime.inspect(container.id)).state === "paused");
    await victim.kill();
    await until("it goes on", async () => (await runtime.inspect(container.id)).state === "running");
    expect((await unsettled()).length).toBe(1);
    for (const found of await unsettled()) await journal.settle(found, () => runtime, context);
    await runtime.removeOrphans();
  });

  test("what a dead process left paused goes on through the journal", async () => {
    await using container = await startOnVolume(["sleep", "600"]);
    await container.pause();
    const data = { container: container.id, name: "db", sidecar: "gone" };
    for (let time = 0; time < 2; time++) {
      await runtime.recover({ part: "containers", action: "unpause", data }, "undo", context);
      expect((await runtime.inspect(container.id)).state).toBe("running");
    }
  });
});

/** The daemon behind a proxy with a policy. */
async function listen(socketPath: string): Promise<AsyncDisposable> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connect("/var/run/docker.sock");
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.on("data", (data) => {
      if (!data.includes('"PidMode":"host"')) return void far.write(data);
      far.destroy();
      near.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    near.on("end", () => far.end());
    far.pipe(near);
  }).listen(socketPath);
  await until("it listens", async () => server.listening);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
