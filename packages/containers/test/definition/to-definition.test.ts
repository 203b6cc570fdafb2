import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { containerDefinitionSchema } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { toDefinition, type Surroundings } from "../../src/definition/to-definition.ts";

/** As `docker inspect` of 20.10 printed it. */
async function recorded(name: string): Promise<Docker.ContainerInspectInfo> {
  return JSON.parse(await readFile(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
}

const alone: Surroundings = { image: undefined, networks: [], volumes: [], networkOwner: undefined };
const image = (Config: object, RepoDigests: string[] = []) =>
  ({ Config, RepoDigests }) as unknown as Docker.ImageInspectInfo;

test("what was said when a container was created", async () => {
  const definition = toDefinition(await recorded("running"), alone);
  expect(definition).toMatchObject({
    name: "shop-postgres-1",
    image: "debian:trixie-slim",
    entrypoint: null,
    command: ["sleep", "100"],
    hostname: null,
    environment: { POSTGRES_PASSWORD: null, OPTIONS: null, EMPTY: "" },
    labels: { "com.docker.compose.project": "shop" },
    networkMode: "shop_default",
    networks: [{ name: "shop_default", aliases: ["db"], addresses: [] }],
    restart: "no",
    healthCheck: { test: ["CMD-SHELL", "true"], intervalMs: 1000, timeoutMs: null },
    memoryLimit: null,
    sharedMemory: null,
    notKept: [],
  });
  expect(definition.ports).toEqual([
    { container: "53/udp", hostAddress: "", hostPort: "15435" },
    { container: "5432/tcp", hostAddress: "127.0.0.1", hostPort: "15433" },
    { container: "5432/tcp", hostAddress: "", hostPort: "15434" },
  ]);
  expect(JSON.stringify(definition)).not.toContain("s3cr3t");
  expect(containerDefinitionSchema.parse(JSON.parse(JSON.stringify(definition)))).toEqual(definition);
});

test("what the image says itself is left to it", async () => {
  const inspected = await recorded("running");
  const given = image(
    { Env: ["EMPTY=", "OPTIONS=other"], Cmd: ["sleep", "100"], Labels: { "com.docker.compose.project": "shop" } },
    ["debian@sha256:00"],
  );
  expect(toDefinition(inspected, { ...alone, image: given })).toMatchObject({
    imageDigest: "debian@sha256:00",
    command: null,
    environment: { POSTGRES_PASSWORD: null, OPTIONS: null },
    labels: {},
  });
  expect(Object.keys(toDefinition(inspected, { ...alone, image: given }).environment)).not.toContain("EMPTY");
});

test("another entrypoint takes the image's command away, so that the command is said with it", async () => {
  const inspected = await recorded("running");
  Object.assign(inspected.Config, { Entrypoint: ["tini", "--"] });
  const given = image({ Cmd: ["sleep", "100"], Entrypoint: ["dumb-init"] });
  expect(toDefinition(inspected, { ...alone, image: given })).toMatchObject({
    entrypoint: ["tini", "--"],
    command: ["sleep", "100"],
  });
});

test("settings that a definition has no place for are named", async () => {
  const inspected = await recorded("running");
  Object.assign(inspected.HostConfig, { Privileged: true, Ulimits: [{ Name: "nofile" }], Runtime: "nvidia" });
  Object.assign(inspected.Config, { Tty: true });
  expect(toDefinition(inspected, alone).notKept).toEqual(["Privileged", "Runtime", "Ulimits", "Tty"]);
});

test("a health check that the image has and the container has not was switched off", async () => {
  const inspected = await recorded("running");
  Object.assign(inspected.Config, { Healthcheck: { Test: ["NONE"] } });
  const given = image({ Healthcheck: { Test: ["CMD", "true"] } });
  expect(toDefinition(inspected, { ...alone, image: given }).healthCheck?.test).toEqual(["NONE"]);
});
