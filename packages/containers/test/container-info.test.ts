import { readFile } from "node:fs/promises";
import type { ContainerInspectInfo } from "dockerode";
import { expect, test } from "vitest";
import { candidateAddresses } from "../src/address.ts";
import { toContainerInfo } from "../src/container-info.ts";
import { lookAlikes } from "../src/finding.ts";
import { planIsolation } from "../src/isolation.ts";

/** As `docker inspect` of 20.10 printed it. */
async function recorded(name: string): Promise<ContainerInspectInfo> {
  return JSON.parse(await readFile(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as ContainerInspectInfo;
}

test("what an adapter needs is read off an inspected container", async () => {
  const inspected = await recorded("running");
  const info = toContainerInfo(inspected);
  expect(info).toMatchObject({
    name: "shop-postgres-1",
    image: "debian:trixie-slim",
    imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    state: "running",
    health: "healthy",
    environment: { POSTGRES_PASSWORD: "s3cr3t", OPTIONS: "-c a=b", EMPTY: "" },
    command: ["sleep", "100"],
    networkMode: "shop_default",
    networks: [{ name: "shop_default", aliases: ["db"] }],
    mounts: [
      { type: "volume", source: "shop-data", destination: "/var/lib/postgresql/data", writable: true },
      { type: "bind", source: "/etc/hostname", destination: "/etc/extra", writable: false },
    ],
    labels: { "com.docker.compose.project": "shop" },
    autoRemove: false,
    orchestrator: undefined,
  });
  expect(info.ports.map(({ containerPort }) => containerPort)).not.toContain(53);
  expect(info.ports).toContainEqual({ containerPort: 5432, hostAddress: "127.0.0.1", hostPort: 15433 });
});

test("a container that vanishes, belongs to swarm and has no network", async () => {
  expect(toContainerInfo(await recorded("swarm"))).toMatchObject({
    autoRemove: true,
    orchestrator: "swarm",
    networkMode: "none",
    health: "none",
    ports: [],
    networks: [{ name: "none", address: "", aliases: [] }],
  });
});

test("addresses are tried in order: published, then the container's own", async () => {
  const info = toContainerInfo(await recorded("running"));
  const own = { host: info.networks[0]?.address, port: 5432 };
  expect(candidateAddresses(info, 5432, undefined)).toEqual([
    { host: "127.0.0.1", port: 15434 },
    { host: "::1", port: 15434 },
    { host: "127.0.0.1", port: 15433 },
    own,
  ]);
  expect(candidateAddresses(info, 7687, undefined)).toEqual([{ ...own, port: 7687 }]);
  expect(candidateAddresses({ ...info, networkMode: "host", ports: [], networks: [] }, 5432, undefined)).toEqual([
    { host: "127.0.0.1", port: 5432 },
  ]);
});

test("ports published by a remote daemon are on its host; those bound to its loopback are not for us", async () => {
  const info = toContainerInfo(await recorded("running"));
  expect(candidateAddresses(info, 5432, "docker.example")).toEqual([{ host: "docker.example", port: 15434 }]);
});

test("an isolation keeps what was chosen and leaves out what Docker gives", async () => {
  const inspected = await recorded("running");
  const endpoint = inspected.NetworkSettings.Networks["shop_default"];
  Object.assign(endpoint ?? {}, { IPAMConfig: { IPv4Address: "10.0.0.9" }, DriverOpts: { "com.example": "x" } });
  expect(planIsolation(inspected, "sutazai-isolation-1")).toEqual({
    container: inspected.Id,
    name: "shop-postgres-1",
    isolation: "sutazai-isolation-1",
    attachments: [
      {
        network: endpoint?.NetworkID,
        name: "shop_default",
        endpoint: { IPAMConfig: { IPv4Address: "10.0.0.9" }, DriverOpts: { "com.example": "x" }, Aliases: ["db"] },
      },
    ],
  });
});

test.each(["host", "none", "container:abc"])("network mode %s cannot be isolated", async (mode) => {
  const inspected = await recorded("running");
  inspected.HostConfig.NetworkMode = mode;
  expect(() => planIsolation(inspected, "x")).toThrow(`network mode is "${mode}"`);
});

test.each([
  ["sutazai-postgres", ["shop-postgres-1", "redis"], ["shop-postgres-1"]],
  ["postgrse", ["postgres", "redis", "neo4j"], ["postgres"]],
  ["shop", ["shop-postgres-1", "shop-redis-1", "other"], ["shop-redis-1", "shop-postgres-1"]],
  ["sutazai-neo4j", ["sutazai-redis", "web"], []],
])("%s may have meant one of %j", (reference, names, expected) => {
  expect(lookAlikes(reference, names)).toEqual(expected);
});
