import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { docker, runtime, startBase, subnetPrefix } from "./ground.ts";

const subnet = subnetPrefix();
const secret = `canary-${randomBytes(6).toString("hex")}`;

test("a container is described as it was made, with its networks and volumes and without its secrets", async () => {
  const name = `containers-test-${randomBytes(4).toString("hex")}`;
  const network = await docker.createNetwork({
    Name: name,
    Internal: true,
    IPAM: { Config: [{ Subnet: `${subnet}.0/24` }] },
  });
  await docker.createVolume({ Name: name, DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m" } });
  try {
    await using container = await startBase(["sleep", "--password", secret, secret], {
      name,
      Entrypoint: ["sh", "-c", `echo "$$"; sleep 300`],
      Env: [`THE_PASSWORD=${secret}`, "TZ=Europe/Malta", `ODD "näme" $1=${secret}`],
      Labels: { 'quoted "label" ünï': "it's $HOME", token: secret },
      Healthcheck: { Test: ["CMD", "true", secret], Interval: 5e9 },
      StopTimeout: 90,
      HostConfig: {
        NetworkMode: name,
        RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
        Memory: 64 * 1024 ** 2,
        Mounts: [
          { Type: "volume", Source: name, Target: "/on tmpfs" },
          { Type: "bind", Source: "/etc/hostname", Target: "/etc/it's", ReadOnly: true },
        ],
        Tmpfs: { "/run": "size=1m" },
      },
      NetworkingConfig: {
        EndpointsConfig: { [name]: { IPAMConfig: { IPv4Address: `${subnet}.9` }, Aliases: ["db"] } },
      },
    });
    const definition = await runtime.definition(container.id);
    expect(definition).toMatchObject({
      name,
      entrypoint: ["sh", "-c", `echo "$$"; sleep 300`],
      command: ["sleep", "--password", "**redacted**", "**redacted**"],
      environment: { THE_PASSWORD: null, TZ: "Europe/Malta", 'ODD "näme" $1': null },
      labels: { 'quoted "label" ünï': "it's $HOME", token: null },
      volumes: { [name]: { driver: "local", options: { type: "tmpfs", device: "tmpfs", o: "size=1m" } } },
      tmpfs: { "/run": "size=1m" },
      networks: [
        {
          name,
          aliases: ["db"],
          addresses: [`${subnet}.9`],
          driver: "bridge",
          internal: true,
          subnets: [`${subnet}.0/24`],
        },
      ],
      restart: "on-failure:3",
      healthCheck: { test: null, intervalMs: 5000 },
      stopTimeoutSeconds: 90,
      memoryLimit: 64 * 1024 ** 2,
      notKept: [],
    });
    expect(JSON.stringify(definition)).not.toContain(secret);
    expect(definition.environment).not.toHaveProperty("PATH");

    await using sharing = await startBase(["sleep", "300"], {
      HostConfig: { NetworkMode: `container:${container.id}` },
    });
    expect(await runtime.definition(sharing.id)).toMatchObject({ networkMode: `container:${name}`, networks: [] });
  } finally {
    await network.remove();
    await docker.getVolume(name).remove();
  }
});

test("a container that is not there is said to be missing", async () => {
  await expect(runtime.definition("no-such-container")).rejects.toMatchObject({ reason: "not-found" });
});
