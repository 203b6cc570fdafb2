import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Journal, silentLogger, type OpenOperation, type RecoveryContext } from "@sutazai/backup-core";
import type { ContainerCreateOptions } from "dockerode";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { docker, exists, named, runtime, startBase, subnetPrefix, until, volumesNamed } from "./ground.ts";
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

async function settleAll(): Promise<void> {
  for (const found of await journal.list()) await journal.settle(found, () => runtime, context);
}

// Answers every connection with a greeting, and ends at once when told to.
const server = [
  "perl",
  "-e",
  `use IO::Socket::INET; $SIG{TERM} = sub { exit 0 };
   my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 5, ReuseAddr => 1);
   while (my $c = $s->accept) { print $c "hello\\n"; close $c }`,
];

/** Up when it listens: before that, process 1 of a container takes no signal either. */
async function startServer(options: ContainerCreateOptions = {}): ReturnType<typeof startBase> {
  const container = await startBase(server, options);
  await until("it listens", async () => {
    const { networks } = await runtime.inspect(container.id);
    return (await greeting(networks[0]?.address ?? "", 7000)) !== undefined;
  });
  return container;
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** What a client is told; undefined where it is not. A published port alone takes connections for a server that is not there. */
function greeting(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.setTimeout(1500, () => socket.destroy());
    socket.on("data", (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(undefined));
  });
}

describe("stop", () => {
  test("is journalled and undone by starting", async () => {
    await using container = await startServer();
    const operation = await begin();
    await runtime.stop(container.id, { journal: operation, graceSeconds: 10 });
    expect((await runtime.inspect(container.id)).state).toBe("exited");
    await runtime.stop(container.id, { journal: operation, graceSeconds: 10 });
    await operation.close("undo");
    expect((await runtime.inspect(container.id)).state).toBe("running");
  });

  test("leaves a stopped container stopped at the end", async () => {
    await using container = await startServer();
    await container.stop({ t: 5 });
    const operation = await begin();
    await runtime.stop(container.id, { journal: operation, graceSeconds: 10 });
    await operation.close("finish");
    expect((await runtime.inspect(container.id)).state).toBe("exited");
  });

  test("tells that a container had to be killed, and starts it again all the same", async () => {
    await using container = await startBase(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]);
    const operation = await begin();
    await expect(runtime.stop(container.id, { journal: operation, graceSeconds: 1 })).rejects.toMatchObject({
      reason: "timeout",
      details: { exitCode: 137 },
    });
    await operation.close("undo");
    expect((await runtime.inspect(container.id)).state).toBe("running");
  });

  test("refuses what would vanish or be replaced", async () => {
    await using vanishing = await startServer({ HostConfig: { AutoRemove: true } });
    await using replaced = await startServer({ Labels: { "io.kubernetes.pod.name": "db-0" } });
    const operation = await begin();
    for (const { id } of [vanishing, replaced]) {
      await expect(runtime.stop(id, { journal: operation, graceSeconds: 1 })).rejects.toMatchObject({
        reason: "unsupported",
        hint: expect.any(String),
      });
      expect((await runtime.inspect(id)).state).toBe("running");
    }
    expect((await journal.list()).length).toBe(0);
    await operation.close("undo");
  });

  test("of a process that was killed is undone by another", async () => {
    await using container = await startServer();
    await using victim = await runVictim("stop", container.id, join(scratch, "journal"));
    await victim.said("stopped");
    await victim.kill();
    expect((await runtime.inspect(container.id)).state).toBe("exited");
    await settleAll();
    expect((await runtime.inspect(container.id)).state).toBe("running");
  });
});

describe.each(["bridge", "user network"])("isolation of a container on a %s", (kind) => {
  const subnet = subnetPrefix();
  let network: string;
  let port: number;
  let container: Awaited<ReturnType<typeof startBase>>;

  beforeAll(async () => {
    network = "bridge";
    if (kind !== "bridge") {
      network = `containers-test-${process.pid}`;
      const IPAM = { Driver: "default", Config: [{ Subnet: `${subnet}.0/24` }] };
      await docker.createNetwork({ Name: network, IPAM });
    }
    port = await freePort();
    container = await startServer({
      ExposedPorts: { "7000/tcp": {} },
      HostConfig: {
        NetworkMode: network,
        PortBindings: { "7000/tcp": [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
      },
      ...(kind !== "bridge" && {
        NetworkingConfig: {
          EndpointsConfig: {
            [network]: { Aliases: ["db", "database"], IPAMConfig: { IPv4Address: `${subnet}.9` } },
          },
        },
      }),
    });
  });
  afterAll(async () => {
    await container[Symbol.asyncDispose]();
    if (kind !== "bridge") await docker.getNetwork(network).remove();
  });

  const expectIsolated = async () => {
    const info = await runtime.inspectRunning(container.id);
    expect(info.networks.map(({ name }) => name)).toEqual([expect.stringMatching(/^sutazai-isolation-/)]);
    expect(await greeting("127.0.0.1", port)).toBeUndefined();
    await until("it answers", async () => (await greeting(info.networks[0]?.address ?? "", 7000)) === "hello\n");
    expect(await runtime.resolveAddress(info, 7000)).toEqual({ host: info.networks[0]?.address, port: 7000 });
    return info.networks[0]?.name ?? "";
  };

  const expectBack = async () => {
    const info = await runtime.inspectRunning(container.id);
    expect(info.networks.map(({ name, aliases }) => ({ name, aliases }))).toEqual([
      { name: network, aliases: kind === "bridge" ? [] : ["db", "database"] },
    ]);
    // On the default bridge addresses cannot be chosen.
    const address = kind === "bridge" ? expect.any(String) : `${subnet}.9`;
    expect(info.networks[0]?.address).toEqual(address);
    await until("it answers", async () => (await greeting("127.0.0.1", port)) === "hello\n");
    expect(await runtime.resolveAddress(info, 7000)).toEqual({ host: "127.0.0.1", port });
  };

  test.each(["undo", "finish"] as const)("while it runs, and back (%s)", async (settlement) => {
    const operation = await begin();
    await runtime.isolate(container.id, { journal: operation });
    const isolation = await expectIsolated();
    await operation.close(settlement);
    await expectBack();
    expect(await docker.listNetworks({ filters: { name: [isolation] } })).toEqual([]);
  });

  test("stays isolated through a stop and a start, and comes back running", async () => {
    const operation = await begin();
    await runtime.isolate(container.id, { journal: operation });
    await runtime.stop(container.id, { journal: operation, graceSeconds: 10 });
    await runtime.start(container.id);
    await expectIsolated();
    await operation.close("finish");
    await expectBack();
  });

  test("of a stopped container, back before it is started", async () => {
    await container.stop({ t: 5 });
    const operation = await begin();
    await runtime.isolate(container.id, { journal: operation });
    await operation.close("undo");
    await container.start();
    await expectBack();
  });

  test("is not done twice", async () => {
    const operation = await begin();
    await runtime.isolate(container.id, { journal: operation });
    await expect(runtime.isolate(container.id, { journal: operation })).rejects.toMatchObject({ reason: "locked" });
    await operation.close("undo");
    await expectBack();
  });

  test("is undone from every point it may have got to", async () => {
    for (const steps of [0, 1, 2, 3]) {
      const operation = await begin();
      const name = `sutazai-isolation-half-${steps}`;
      const { id: internal } = await docker.createNetwork({ Name: name, Internal: true });
      const inspected = await container.inspect();
      const { planIsolation } = await import("../../src/isolation.ts");
      const data = JSON.parse(JSON.stringify(planIsolation(inspected, name)));
      await operation.record({ part: "containers", action: "isolate", data });
      if (steps === 0) await docker.getNetwork(internal).remove();
      if (steps >= 2) await docker.getNetwork(network).disconnect({ Container: container.id });
      if (steps >= 3) await docker.getNetwork(internal).connect({ Container: container.id });
      await runtime.recover({ part: "containers", action: "isolate", data }, "undo", context);
      await operation.close("undo");
      await expectBack();
      expect(await docker.listNetworks({ filters: { name: [name] } })).toEqual([]);
    }
  });

  test("of a process that was killed is undone by another; clearing orphans leaves it alone", async () => {
    await using victim = await runVictim("isolate", container.id, join(scratch, "journal"));
    await victim.said("isolated");
    await victim.kill();
    await container.stop({ t: 5 });
    await runtime.removeOrphans();
    await container.start();
    await expectIsolated();
    await settleAll();
    await expectBack();
  });
});

test("a container without a network of its own is not isolated", async () => {
  await using container = await startBase(["sleep", "300"], { HostConfig: { NetworkMode: "none" } });
  const operation = await begin();
  await expect(runtime.isolate(container.id, { journal: operation })).rejects.toMatchObject({ reason: "unsupported" });
  await operation.close("undo");
});

describe("orphans", () => {
  test("a sidecar whose owner was killed ends by itself and is cleared away", async () => {
    await using victim = await runVictim("sidecar");
    await victim.said("running");
    const [sidecar] = await named("victim");
    expect(sidecar?.State).toBe("running");
    await runtime.removeOrphans();
    expect(await exists(sidecar?.Id ?? "")).toBe(true);
    await victim.kill();
    const id = sidecar?.Id ?? "";
    // Any command on this daemon may clear it away from now on: other tests run at the same time.
    const look = () =>
      docker
        .getContainer(id)
        .inspect()
        .catch(() => undefined);
    await until("it ended", async () => (await look())?.State.Running !== true);
    expect((await look())?.State.ExitCode ?? 143).toBe(143);
    await runtime.removeOrphans();
    expect(await exists(id)).toBe(false);
  });

  test("a throwaway server whose owner was killed is cleared away with its network and its volumes", async () => {
    await using victim = await runVictim("throwaway");
    await victim.said("running");
    const [server_] = await named("victim");
    expect(await volumesNamed("victim")).toHaveLength(1);
    await runtime.removeOrphans();
    expect(await exists(server_?.Id ?? "")).toBe(true);
    await victim.kill();
    await runtime.removeOrphans();
    const name = server_?.Names[0]?.slice(1) ?? "";
    expect(await exists(server_?.Id ?? "")).toBe(false);
    expect((await docker.listNetworks()).filter((network) => network.Name === name)).toEqual([]);
    expect(await volumesNamed("victim")).toEqual([]);
  });
});

describe("the lock of a container", () => {
  test("is one process's, and free again after it", async () => {
    await using container = await startBase(["sleep", "300"]);
    const { imageId } = await runtime.inspect(container.id);
    await using victim = await runVictim("lock", container.id, imageId);
    await victim.said("locked");
    await runtime.removeOrphans();
    await expect(runtime.lock(container.id, imageId)).rejects.toMatchObject({
      reason: "locked",
      details: { holder: expect.stringContaining(String(victim.pid)), since: expect.stringMatching(/^\d{4}-/) },
    });
    await victim.kill();
    const lock = await runtime.lock(container.id, imageId);
    await expect(runtime.lock(container.id, imageId)).rejects.toMatchObject({ reason: "locked" });
    await lock[Symbol.asyncDispose]();
    expect(await runtime.unlock(container.id)).toBe(false);
  });

  test("of a dead process is taken by one of many", async () => {
    await using container = await startBase(["sleep", "300"]);
    const { imageId } = await runtime.inspect(container.id);
    await using victim = await runVictim("lock", container.id, imageId);
    await victim.said("locked");
    await victim.kill();
    const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => runtime.lock(container.id, imageId)));
    const taken = attempts.filter(({ status }) => status === "fulfilled");
    expect(taken.length).toBe(1);
    expect(await runtime.unlock(container.id)).toBe(true);
    expect(await runtime.unlock(container.id)).toBe(false);
  });
});
