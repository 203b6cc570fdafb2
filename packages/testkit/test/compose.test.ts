// The compose file at the root starts what the tests start.
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { serverKinds } from "../src/kinds/server-kinds.ts";

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly container_name: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly healthcheck?: object;
}

const file = parse(await readFile(new URL("../../../compose.yaml", import.meta.url), "utf8")) as {
  readonly services: Readonly<Record<string, Service>>;
};

function service(kind: string): Service {
  const found = file.services[kind];
  if (found === undefined) throw new Error(`compose.yaml has no service ${kind}`);
  return found;
}

test.each(Object.entries(serverKinds))(
  "%s is the one that the tests use",
  (kind, { official, port, dataDirectory }) => {
    const { volumes, ports, ...others } = service(kind);
    const image = `\${${kind.toUpperCase()}_IMAGE:-${official ?? `sutazai/${kind}-service`}}`;
    const built = official === undefined ? { build: `tests/images/${kind}` } : {};
    expect(others).toMatchObject({ container_name: `sutazai-${kind}`, image, ...built });
    expect(volumes.map((volume) => volume.split(":")[1])).toContain(dataDirectory);
    expect(ports.map((published) => published.split(":").at(-1))).toContain(String(port));
  },
);

test.each(Object.entries(serverKinds))("%s is told what the tests tell it", (kind, { environment }) => {
  const names = Object.keys(environment("x"));
  expect(Object.keys(service(kind).environment ?? {})).toEqual(expect.arrayContaining(names));
});

test.each(Object.entries(file.services))(
  "%s is for this machine only, and says when it is ready",
  (_, { ports, healthcheck }) => {
    for (const published of ports) expect(published).toMatch(/^127\.0\.0\.1:/);
    expect(healthcheck).toBeDefined();
  },
);
