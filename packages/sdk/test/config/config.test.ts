import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { BackupError, type ContainerInfo, type ContainerRuntime, type OperationContext } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { discover, effectiveSettings, loadConfig, variables, type BackupConfig } from "../../src/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "config-"));
});
afterEach(() => rm(directory, { recursive: true }));

function containers(...found: readonly Partial<ContainerInfo>[]): ContainerRuntime {
  return {
    list: async () => found.map((info) => ({ labels: {}, image: "any", ...info })),
  } as unknown as ContainerRuntime;
}
const platform = containers({ name: "sutazai-postgres" }, { name: "sutazai-redis" });
const noDocker = {
  list: async () => {
    throw new BackupError("connection", "Docker is not reachable");
  },
} as unknown as ContainerRuntime;

async function load(
  {
    file,
    ...rest
  }: { file?: string; environment?: Record<string, string>; flags?: BackupConfig; docker?: ContainerRuntime } = {},
  name = "sutazai-backup.config.yaml",
) {
  if (file !== undefined) await writeFile(join(directory, name), file);
  const loaded = await loadConfig(rest.docker ?? platform, {
    workingDirectory: directory,
    environment: rest.environment ?? {},
    ...(rest.flags && { flags: rest.flags }),
  });
  return { ...loaded, names: loaded.adapters.map((adapter) => adapter.name) };
}

describe("precedence", () => {
  test("nothing configured: what is discovered, with defaults", async () => {
    const { settings, names } = await load();
    expect(names).toEqual(["postgres", "redis"]);
    expect(settings).toMatchObject({ compression: "zstd", parallel: 6, timeout: 4 * 3_600_000 });
  });

  test("flags win over the environment, that over the file", async () => {
    const file = "dir: /file\nparallel: 1\ncompression: none\n";
    const environment = { BACKUP_DIR: "/environment", BACKUP_PARALLEL: "2" };
    expect((await load({ file, environment, flags: { dir: "/flag" } })).settings).toMatchObject({
      dir: "/flag",
      parallel: 2,
      compression: "none",
    });
  });

  test("databases are merged option by option", async () => {
    const file = "databases:\n  cache:\n    kind: redis\n    container: mine\n";
    const { names, settings } = await load({ file, environment: { BACKUP_CACHE_USERNAME: "backup" } });
    expect(names).toEqual(["cache"]);
    expect(settings.databases?.["cache"]).toMatchObject({ container: "mine", username: "backup" });
  });

  test("a file that names databases is the whole list", async () => {
    expect((await load({ file: "databases: { redis: {} }" })).names).toEqual(["redis"]);
  });

  test("a password alone makes no database; a place does", async () => {
    const docker = containers({ name: "sutazai-redis" });
    expect((await load({ docker, environment: { BACKUP_POSTGRES_PASSWORD: "x" } })).names).toEqual(["redis"]);
    expect((await load({ docker, environment: { BACKUP_POSTGRES_HOST: "db.internal" } })).names.sort()).toEqual([
      "postgres",
      "redis",
    ]);
  });

  test("Docker is not needed where everything has a place", async () => {
    const file = "databases: { redis: { host: cache.internal } }";
    expect((await load({ file, docker: noDocker })).names).toEqual(["redis"]);
    await rm(join(directory, "sutazai-backup.config.yaml"));
    await expect(load({ docker: noDocker })).rejects.toMatchObject({ reason: "connection" });
  });
});

describe("schedules", () => {
  test("from the file and the environment, one by one; with defaults", async () => {
    expect((await load({})).settings).toMatchObject({
      schedules: {},
      jitter: 300_000,
      daemon: { port: 9717, grace: 0 },
    });
    const file = "schedules: { backup: daily, scrub: 'off' }\ntimeZone: Europe/Berlin\ndaemon: { grace: 10m }\n";
    const environment = { BACKUP_SCHEDULES_BACKUP: "15 3 * * *", BACKUP_DAEMON_PORT: "8080", BACKUP_JITTER: "0" };
    expect((await load({ file, environment })).settings).toMatchObject({
      schedules: { backup: "15 3 * * *", scrub: "off" },
      timeZone: "Europe/Berlin",
      jitter: 0,
      daemon: { host: "127.0.0.1", port: 8080, grace: 600_000 },
    });
  });

  test.each([
    ["schedules: { backup: dayly }", ["schedules.backup in ", 'found "dayly"', "hourly, daily, weekly"]],
    ["schedules: { bakcup: daily }", ['did you mean "backup"?']],
    ["timeZone: Europe/Berln", ["timeZone in ", "Europe/Berlin or UTC"]],
    ["daemon: { prot: 1 }", ['did you mean "port"?']],
  ])("%s is refused", async (file, expected) => {
    const failure = await load({ file }).catch((error: unknown) => (error as Error).message);
    for (const words of expected) expect(failure).toContain(words);
  });
});

describe("files", () => {
  test.each([
    ["json", '{"parallel": 7}'],
    ["yaml", "parallel: 7"],
    ["yml", "parallel: 7"],
    ["mjs", "export default { parallel: 7 }"],
    ["js", "export default { parallel: 7 }"],
    ["ts", "const parallel: number = 7;\nexport default { parallel }"],
  ])("%s", async (extension, file) => {
    expect((await load({ file }, `sutazai-backup.config.${extension}`)).settings.parallel).toBe(7);
  });

  test("an empty file is no mistake; one that holds something else is", async () => {
    expect((await load({ file: "" })).names).toEqual(["postgres", "redis"]);
    await expect(load({ file: "- a\n- b\n" })).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("holds no settings"),
    });
    await expect(load({ file: "a: [" })).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("yaml"),
    });
  });

  test("one that somebody else wrote, or could have, is not obeyed unless it is named", async () => {
    const path = join(directory, "sutazai-backup.config.mjs");
    await writeFile(path, "export default { parallel: 7 }");
    await chmod(path, 0o666);
    await expect(load()).rejects.toMatchObject({
      reason: "refused",
      message: `${path} was found here, but can be written by everybody`,
      hint: expect.stringContaining(`--config ${path}`),
    });
    expect((await load({ environment: { BACKUP_CONFIG: path } })).settings.parallel).toBe(7);
    await chmod(path, 0o644);
    expect((await load()).settings.parallel).toBe(7);
    // Only root can give a file away.
    if (process.getuid?.() !== 0) return;
    await chown(path, 65_534, 65_534);
    await expect(load()).rejects.toMatchObject({ message: expect.stringContaining("another user (65534)") });
  });

  test("a file that was named and is not there is an error", async () => {
    await expect(
      loadConfig(platform, { configFile: join(directory, "none.yaml"), environment: {} }),
    ).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("none.yaml"),
    });
  });
});

describe("mistakes name the source, the setting, what was found, what is allowed and what was probably meant", () => {
  test.each<[string, { file?: string; environment?: Record<string, string>; flags?: object }, string[]]>([
    ["misspelt setting", { file: "compresion: gzip" }, ["compresion in ", "yaml", 'did you mean "compression"?']],
    [
      "misspelt value",
      { file: "compression: gzipp" },
      ['found "gzipp"', "allowed is one of zstd, gzip, none", "did you mean gzip?"],
    ],
    [
      "variable of a wrong type",
      { environment: { BACKUP_PARALLEL: "many" } },
      ["BACKUP_PARALLEL", 'found "many"', "allowed is a number"],
    ],
    [
      "an address with credentials, which are not told again",
      { environment: { BACKUP_QDRANT_URL: "http://me:hunter2@qdrant:6333" } },
      ["BACKUP_QDRANT_URL", "**redacted**@qdrant", "apiKey"],
    ],
    ["number out of range", { flags: { parallel: 0 } }, ["--parallel", "found 0", "at least 1"]],
    ["no duration", { environment: { BACKUP_TIMEOUT: "soon" } }, ["BACKUP_TIMEOUT", 'found "soon"', "30m"]],
    [
      "misspelt option of a database",
      { file: "databases: { redis: { contianer: x } }" },
      ["databases.redis.contianer in ", 'did you mean "container"?'],
    ],
    [
      "unknown kind",
      { file: "databases: { db: { kind: postgress } }" },
      ["databases.db.kind in ", 'found "postgress"', "did you mean postgres?"],
    ],
    [
      "name that is no kind",
      { file: "databases: { orders: { container: x } }" },
      ['found "orders"', "postgres, redis"],
    ],
  ])("%s", async (_, given, expected) => {
    const error = await load(given as never).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "configuration" });
    for (const text of expected) expect((error as Error).message).toContain(text);
  });

  test("a variable that looks misspelt is a warning", async () => {
    expect((await load({ environment: { BACKUP_COMPRESION: "gzip" } })).warnings).toEqual([
      expect.stringContaining("BACKUP_COMPRESSION"),
    ]);
    expect(
      (await load({ environment: { BACKUP_SOMETHING_ELSE_ENTIRELY: "1", BACKUP_TEST_REDIS_IMAGE: "x" } })).warnings,
    ).toEqual([]);
  });
});

describe("retention", () => {
  const at = async (given: Parameters<typeof load>[0]) => {
    const { general, databases } = (await load(given)).retention;
    return { general, databases };
  };

  test("is merged rule by rule: flags over the environment, that over the file", async () => {
    const file = "retention: { days: 10, keepLast: 1, keepDaily: 7 }";
    const environment = { BACKUP_RETENTION_DAYS: "20", BACKUP_RETENTION_KEEP_LAST: "2" };
    expect((await at({ file, environment, flags: { retention: { keepLast: 3 } } })).general).toEqual({
      days: 20,
      keepLast: 3,
      keepDaily: 7,
    });
  });

  test.each([
    [undefined, { days: 0, keepLast: 48, keepHourly: 48, keepDaily: 30 }],
    ["*/5 * * * *", { days: 0, keepLast: 48, keepHourly: 48, keepDaily: 30 }],
    ["0 8-18 * * 1-5", { days: 0, keepLast: 48, keepHourly: 48, keepDaily: 30 }],
    ["daily", { days: 30 }],
    ["0 4 * * 1-5", { days: 30 }],
    ["weekly", { days: 90, keepLast: 12 }],
    ["0 4 1 * *", { days: 90, keepLast: 12 }],
    ["off", {}],
  ])("is usually what fits a backup schedule of %s", async (backup, usual) => {
    const flags = backup === undefined ? {} : { schedules: { backup } };
    expect((await load({ flags })).retention.usual).toEqual(usual);
  });

  test("of a database stands beside the general one, and is no option of its adapter", async () => {
    const file = "databases: { redis: { retention: { days: 90 } }, postgres: {} }";
    const environment = { BACKUP_REDIS_RETENTION: '{"keepLast": 4}' };
    expect(await at({ file, environment })).toEqual({
      general: undefined,
      databases: { redis: { days: 90, keepLast: 4 } },
    });
  });

  test.each<[string, { file?: string; environment?: Record<string, string> }, string[]]>([
    [
      "misspelt rule",
      { file: "retention: { keepDialy: 3 }" },
      ["retention.keepDialy in ", 'did you mean "keepDaily"?'],
    ],
    [
      "misspelt rule of a database",
      { file: "databases: { redis: { retention: { day: 3 } } }" },
      ["databases.redis.retention.day in ", 'did you mean "days"?'],
    ],
    ["no number", { environment: { BACKUP_RETENTION_DAYS: "month" } }, ["BACKUP_RETENTION_DAYS", 'found "month"']],
    ["below zero", { environment: { BACKUP_RETENTION_KEEP_LAST: "-1" } }, ["KEEP_LAST", "at least 0"]],
    ["no time zone", { file: "retention: { timeZone: Berlin }" }, ["retention.timeZone", "Europe/Berlin"]],
    ["unknown level", { file: "retention: { level: structur }" }, ["did you mean structure?"]],
    ["rules that keep nothing", { environment: { BACKUP_RETENTION_DAYS: "0" } }, ["no rule keeps anything"]],
    [
      "rules that keep nothing of one database",
      { file: "databases: { redis: { retention: { days: 0 } } }" },
      ["no rule keeps anything"],
    ],
  ])("%s is told at once", async (_, given, expected) => {
    const error = await load(given).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "configuration", hint: expect.any(String) });
    for (const text of expected) expect((error as Error).message).toContain(text);
  });
});

describe("secrets", () => {
  test("come from a variable or from a file, whose line end does not count, and are not shown", async () => {
    const path = join(directory, "secret");
    await writeFile(path, "s3cret\n");
    const loaded = await load({ environment: { BACKUP_REDIS_PASSWORD_FILE: path, BACKUP_POSTGRES_PASSWORD: "0042" } });
    expect(JSON.stringify(loaded.adapters)).not.toContain("s3cret");
  });

  test("both at once is an error; a file that is not there fails its database alone", async () => {
    const environment = { BACKUP_REDIS_PASSWORD_FILE: join(directory, "none"), BACKUP_REDIS_PASSWORD: "x" };
    await expect(load({ environment })).rejects.toMatchObject({
      message: "BACKUP_REDIS_PASSWORD and BACKUP_REDIS_PASSWORD_FILE are both set",
    });
    const { BACKUP_REDIS_PASSWORD: _, ...fileOnly } = environment;
    const { adapters, warnings } = await load({ environment: fileOnly });
    expect(warnings).toEqual([expect.stringMatching(/^redis: BACKUP_REDIS_PASSWORD_FILE names/)]);
    const redis = adapters.find(({ name }) => name === "redis");
    expect(redis?.capabilities.forms).not.toEqual([]);
    const context = {} as OperationContext;
    await expect(redis?.probe(context)).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("BACKUP_REDIS_PASSWORD_FILE names"),
    });
    expect(adapters.map(({ name }) => name)).toEqual(["postgres", "redis"]);
  });
});

describe("secrets that a file has before or within a mistake", () => {
  const secret = "s3cretvalue";
  test.each<[string, string, RegExp]>([
    ["yaml", `databases:\n  redis: { password: "${secret}" ]\n`, /missed comma.* \(2:\d+\)$/],
    ["yaml", `password: *${secret}\n`, /unidentified alias "…" \(1:\d+\)$/],
    ["json", `{ "password": "${secret}" ] }`, /Expected ',' or '}' .*\(line 1 column \d+\)$/],
    ["json", `{ "password": ${secret} }`, /Unexpected token '…/],
    ["ts", `export default { password: ${secret} };`, /not defined: a text must be in quotes$/],
    ["mjs", `export default { password: x ${secret} };`, /mjs cannot be read: /],
    ["yaml", `"${secret}"\n`, /holds no settings: found a string$/],
  ])("%s: %s", async (extension, file, message) => {
    const failure: unknown = await load({ file }, `sutazai-backup.config.${extension}`).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ reason: "configuration", message: expect.stringMatching(message) });
    expect(inspect(failure, { depth: 9 })).not.toContain(secret);
  });
});

describe("credentials of systemd", () => {
  async function credential(name: string, value: string) {
    await writeFile(join(directory, name), value);
    return { CREDENTIALS_DIRECTORY: directory };
  }

  test("that are called like a variable give its value", async () => {
    const environment = await credential("BACKUP_REDIS_PASSWORD", "s3cret\n");
    const loaded = await load({ environment });
    expect(loaded.secrets.map((secret) => secret.reveal())).toEqual(["s3cret"]);
    const [told] = effectiveSettings(loaded).filter(({ setting }) => setting === "databases.redis.passwordFile");
    expect(told).toMatchObject({ value: join(directory, "BACKUP_REDIS_PASSWORD"), origin: "variable" });
  });

  test("of others are let be; one that is mistyped is told; beside the variable, one of the two is wrong", async () => {
    expect((await load({ environment: await credential("mail", "x") })).warnings).toEqual([]);
    const environment = await credential("BACKUP_REDIS_PASWORD", "x");
    expect((await load({ environment })).warnings).toEqual([expect.stringContaining("BACKUP_REDIS_PASSWORD_FILE?")]);
    await credential("BACKUP_REDIS_PASSWORD", "x");
    await expect(load({ environment: { ...environment, BACKUP_REDIS_PASSWORD: "y" } })).rejects.toThrow("are both set");
  });

  test("that cannot be read are an error", async () => {
    const environment = { CREDENTIALS_DIRECTORY: join(directory, "none") };
    await expect(load({ environment })).rejects.toMatchObject({
      reason: "configuration",
      message: expect.stringContaining("CREDENTIALS_DIRECTORY"),
    });
  });
});

test("a password in an address is a secret, too", async () => {
  const environment = { BACKUP_POSTGRES_URL: "postgresql://me:p%40ss@h/db", BACKUP_REDIS_PASSWORD: "r" };
  const { secrets } = await load({ environment });
  expect(secrets.map((secret) => secret.reveal())).toEqual(["p@ss", "r"]);
});

describe("discovery", () => {
  test("by name and by label; a known image is only a candidate", async () => {
    const found = await discover(
      containers(
        { name: "sutazai-postgres" },
        { name: "my-cache", labels: { "sutazai.backup": "redis" } },
        { name: "other", image: "postgres:16-alpine" },
        { name: "registry-cache", image: "example.org:5000/library/redis:8" },
        { name: "web", image: "nginx" },
      ),
    );
    expect(found.databases.map(({ name, container, by }) => [name, container, by])).toEqual([
      ["postgres", "sutazai-postgres", "name"],
      ["redis", "my-cache", "label"],
    ]);
    expect(found.candidates.map(({ kind, container }) => [kind, container])).toEqual([
      ["postgres", "other"],
      ["redis", "registry-cache"],
    ]);
  });

  test("two of a kind need names", async () => {
    const twice = [
      { name: "a", labels: { "sutazai.backup": "redis" } },
      { name: "b", labels: { "sutazai.backup": "redis" } },
    ];
    await expect(discover(containers(...twice))).rejects.toMatchObject({
      reason: "configuration",
      message: 'a and b would both be called "redis"',
    });
    const named = twice.map((container) => ({
      ...container,
      labels: { ...container.labels, "sutazai.backup.name": `cache-${container.name}` },
    }));
    expect((await discover(containers(...named))).databases.map(({ name }) => name)).toEqual(["cache-a", "cache-b"]);
  });
});

test("every setting has a variable", () => {
  const names = variables().map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      "BACKUP_DIR",
      "BACKUP_COMPRESSION",
      "BACKUP_PARALLEL",
      "BACKUP_TIMEOUT",
      "BACKUP_STATE_DIR",
    ]),
  );
  expect(names).toEqual(
    expect.arrayContaining(["BACKUP_POSTGRES_PASSWORD", "BACKUP_POSTGRES_PASSWORD_FILE", "BACKUP_REDIS_CONTAINER"]),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const { name, description } of variables()) expect(description, name).not.toBe("");
});
