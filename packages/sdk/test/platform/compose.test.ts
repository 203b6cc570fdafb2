import type { ContainerDefinition, Manifest } from "@sutazai/backup-core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { composeFile } from "../../src/platform/compose.ts";
import { plain } from "./definition.ts";

const manifest = {
  id: "20261123T130000.000Z-k3f9a1",
  database: "postgres",
  kind: "postgres",
  serverVersion: "17.6",
} as Manifest;

function compose(...definitions: readonly Partial<ContainerDefinition>[]) {
  return composeFile(definitions.map((some) => ({ container: { ...plain, ...some }, manifests: [manifest] })));
}

/** Reads a file as Compose does, each `${NAME:?…}` taken from `values`. */
function read(text: string, values: Readonly<Record<string, string>> = {}) {
  const reviver = (_: unknown, value: unknown) =>
    typeof value === "string"
      ? value.replaceAll(/\$(?:\$|\{(\w+):\?([^}]*)\})/g, (found, name) =>
          found === "$$" ? "$" : (values[name] ?? found),
        )
      : value;
  const [first, ...others] = ["1.1", "1.2"].map((version) => parse(text, reviver, { version: version as "1.1" }));
  for (const other of others) expect(other).toEqual(first);
  return first;
}

const nasty = `yes $HOME \${X} "q" 'q' \\ # : {a} [b] 12:30:45 ünï-数据-🦜 \n\t\u0007\u0085\u2028 &a *a !t %d @ \` |`;

test("everything that a definition holds is said", () => {
  const {
    compose: text,
    variables,
    warnings,
  } = compose({
    entrypoint: ["docker-entrypoint.sh", nasty],
    command: ["postgres", "-c", "shared_buffers=128MB", nasty],
    user: "999:999",
    workingDirectory: "/srv/a $b",
    hostname: "db",
    environment: { POSTGRES_DB: "app", POSTGRES_PASSWORD: null, 'odd "name" $1': nasty, EMPTY: "", on: "off" },
    labels: { "sutazai.backup": "postgres", [nasty]: nasty, "com.docker.compose.project": "shop" },
    mounts: [
      { type: "volume", source: "shop-data", destination: "/var/lib/postgresql/data", writable: true },
      { type: "volume", source: "a".repeat(64), destination: "/var/log/app", writable: false },
      { type: "bind", source: "/srv/it's $here", destination: "/etc/extra", writable: false },
      { type: "tmpfs", source: "", destination: "/scratch", writable: true },
    ],
    volumes: { "shop-data": { driver: "nfs", options: { device: ":/x", o: null } } },
    tmpfs: { "/run": "size=1m" },
    networkMode: "shop_default",
    networks: [
      {
        name: "shop_default",
        aliases: ["db", "sutazai-postgres"],
        addresses: ["10.0.0.9", "fd00::9"],
        driver: "bridge",
        internal: true,
        subnets: ["10.0.0.0/24"],
      },
    ],
    ports: [
      { container: "5432/tcp", hostAddress: "127.0.0.1", hostPort: "15432" },
      { container: "5432/tcp", hostAddress: "::1", hostPort: "15432" },
      { container: "53/udp", hostAddress: "", hostPort: "5300" },
      { container: "54/tcp", hostAddress: "127.0.0.1", hostPort: "" },
      { container: "55/tcp", hostAddress: "", hostPort: "" },
    ],
    restart: "on-failure:3",
    healthCheck: { test: ["CMD-SHELL", nasty], intervalMs: 5000, timeoutMs: 1500, startPeriodMs: null, retries: 4 },
    stopSignal: "SIGINT",
    stopTimeoutSeconds: 90,
    memoryLimit: 67108864,
    cpus: 1.5,
    sharedMemory: 268435456,
    init: true,
    readOnly: true,
    notKept: ["Ulimits"],
  });
  expect(read(text, { POSTGRES_PASSWORD: "p", SHOP_DATA_O: "o" })).toEqual({
    services: {
      "sutazai-postgres": {
        image: "docker.io/library/postgres:17.6",
        container_name: "sutazai-postgres",
        entrypoint: ["docker-entrypoint.sh", nasty],
        command: ["postgres", "-c", "shared_buffers=128MB", nasty],
        user: "999:999",
        working_dir: "/srv/a $b",
        hostname: "db",
        environment: { POSTGRES_DB: "app", POSTGRES_PASSWORD: "p", 'odd "name" $1': nasty, EMPTY: "", on: "off" },
        labels: { "sutazai.backup": "postgres", [nasty]: nasty },
        volumes: [
          { type: "volume", source: "shop-data", target: "/var/lib/postgresql/data" },
          { type: "volume", source: "sutazai-postgres-app", target: "/var/log/app", read_only: true },
          { type: "bind", source: "/srv/it's $here", target: "/etc/extra", read_only: true },
          { type: "tmpfs", target: "/scratch" },
        ],
        tmpfs: ["/run:size=1m"],
        networks: { shop_default: { aliases: ["db"], ipv4_address: "10.0.0.9", ipv6_address: "fd00::9" } },
        ports: ["127.0.0.1:15432:5432", "[::1]:15432:5432", "5300:53/udp", "127.0.0.1::54", "55"],
        restart: "on-failure:3",
        healthcheck: { test: ["CMD-SHELL", nasty], interval: "5s", timeout: "1500ms", retries: 4 },
        stop_signal: "SIGINT",
        stop_grace_period: "90s",
        mem_limit: 67108864,
        cpus: 1.5,
        shm_size: 268435456,
        init: true,
        read_only: true,
      },
    },
    networks: { shop_default: { name: "shop_default", internal: true, ipam: { config: [{ subnet: "10.0.0.0/24" }] } } },
    volumes: {
      "shop-data": { name: "shop-data", driver: "nfs", driver_opts: { device: ":/x", o: "o" } },
      "sutazai-postgres-app": { name: "sutazai-postgres-app" },
    },
  });
  expect(variables).toEqual(["POSTGRES_PASSWORD", "SHOP_DATA_O"]);
  expect(warnings.join("\n")).toContain("Ulimits");
  expect(warnings.join("\n")).toContain("/srv/it's $here of the host");
});

test("what the image says itself is left to it", () => {
  expect(read(compose({}).compose).services["sutazai-postgres"]).toEqual({
    image: "docker.io/library/postgres:17.6",
    container_name: "sutazai-postgres",
    network_mode: "bridge",
    restart: "no",
  });
  expect(read(compose({ entrypoint: ["sh"], command: [] }).compose).services["sutazai-postgres"]).toMatchObject({
    entrypoint: ["sh"],
    command: [],
  });
});

test("secrets that were taken out of a command are asked for", () => {
  const { compose: text } = compose({
    name: "sutazai-redis",
    command: ["redis-server", "--requirepass", "**redacted**", "--masterauth=**redacted**", "**redacted**"],
  });
  const values = {
    SUTAZAI_REDIS_REQUIREPASS: "a",
    SUTAZAI_REDIS_MASTERAUTH: "b",
    SUTAZAI_REDIS_SECRET: "c $",
  };
  expect(read(text, values).services["sutazai-redis"].command).toEqual([
    "redis-server",
    "--requirepass",
    "a",
    "--masterauth=b",
    "c $",
  ]);
});

test("two services that call different secrets the same are asked for both", () => {
  const { compose: text, variables } = compose(
    { name: "a", environment: { PASSWORD: null, "p.x": null } },
    { name: "b", environment: { PASSWORD: null, p_x: null } },
  );
  expect(variables).toEqual(["PASSWORD", "p_x", "b_PASSWORD", "b_p_x"]);
  const { services } = read(text, { PASSWORD: "1", p_x: "2", b_PASSWORD: "3", b_p_x: "4" });
  expect(services.a.environment).toEqual({ PASSWORD: "1", "p.x": "2" });
  expect(services.b.environment).toEqual({ PASSWORD: "3", p_x: "4" });
});

test("services are called as others know them, where that is unambiguous", () => {
  const labelled = (name: string, service: string) => ({ name, labels: { "com.docker.compose.service": service } });
  const { compose: text } = compose(
    labelled("shop-db-1", "db"),
    labelled("blog-cache-1", "cache"),
    labelled("shop-cache-1", "cache"),
    { name: "sidecar", networkMode: "container:shop-db-1" },
    { name: "other", networkMode: "container:gone" },
  );
  const { services } = read(text);
  expect(Object.keys(services)).toEqual(["db", "blog-cache-1", "shop-cache-1", "sidecar", "other"]);
  expect(services.sidecar.network_mode).toBe("service:db");
  expect(services.other.network_mode).toBe("container:gone");
});

test("an anonymous volume gets one name, wherever it is mounted, and never another's", () => {
  const anonymous = "b".repeat(64);
  const mount = (source: string, destination: string) => ({
    type: "volume" as const,
    source,
    destination,
    writable: true,
  });
  const { compose: text } = compose(
    { name: "a", mounts: [mount("a-data", "/x"), mount(anonymous, "/data"), mount("c".repeat(64), "/other/data")] },
    { name: "b", mounts: [mount(anonymous, "/elsewhere")] },
  );
  const { services, volumes } = read(text);
  expect(services.a.volumes.map(({ source }: { source: string }) => source)).toEqual([
    "a-data",
    "a-data_2",
    "a-data_3",
  ]);
  expect(services.b.volumes[0].source).toBe("a-data_2");
  expect(Object.keys(volumes)).toEqual(["a-data", "a-data_2", "a-data_3"]);
});

test.each([
  ["postgres", /may be another version by now; it was 17\.6/],
  ["host:5000/postgres", /may be another version/],
  ["postgres:latest", /may be another version/],
  ["sha256:0123456789abcdef", /has no name/],
])("an image called %s is not pinned, and that is said", (image, expected) => {
  expect(compose({ image }).warnings.join("\n")).toMatch(expected);
});

test("an image that no registry is known to have has to be brought", () => {
  expect(compose({ imageDigest: null }).warnings.join("\n")).toMatch(/build or load it first/);
  expect(compose({}).warnings).toEqual([]);
});

test("a comment holds whatever a database is called", () => {
  const odd = { ...manifest, database: "a\nservices: {}\r\u0085\u2028\u001b[0m" };
  const { compose: text } = composeFile([{ container: plain, manifests: [odd] }]);
  expect(Object.keys(read(text).services)).toEqual(["sutazai-postgres"]);
  expect(text).not.toMatch(/(?!\n)[\p{Cc}\u2028\u2029]/u);
});

test("any text comes out of the file as it went in", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 4 }),
      fc.string({ unit: "binary" }),
      (command, value) => {
        const { compose: text } = compose({ command, environment: { [`x${value}`]: value }, labels: { y: value } });
        const service = read(text).services["sutazai-postgres"];
        expect(service.command).toEqual(command);
        expect(service.environment).toEqual({ [`x${value}`]: value });
        expect(service.labels).toEqual({ y: value });
      },
    ),
    { numRuns: 40 },
  );
});
