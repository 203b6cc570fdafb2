import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerInfo, ContainerRuntime } from "@sutazai/backup-core";
import { Ajv } from "ajv";
import { afterEach, beforeEach, expect, test } from "vitest";
import { redactSetting } from "../../src/config-show/redaction.ts";
import { configJsonSchema, effectiveSettings, loadConfig } from "../../src/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "config-show-"));
});
afterEach(() => rm(directory, { recursive: true }));

const platform = {
  list: async () => [{ name: "sutazai-redis", labels: {}, image: "any" } as unknown as ContainerInfo],
} as unknown as ContainerRuntime;

const canary = "canary-5e9d";

test("every setting has where it came from, and no secret is shown", async () => {
  await writeFile(join(directory, "key"), `${canary}-file`);
  await writeFile(join(directory, "ping"), `https://ping.example/${canary}\n`);
  await writeFile(
    join(directory, "sutazai-backup.config.json"),
    JSON.stringify({
      parallel: 3,
      schedules: { drill: "weekly" },
      notifications: {
        slack: { webhook: `https://hooks.example/${canary}` },
        healthcheck: { checkFile: join(directory, "ping") },
        webhooks: { pager: { url: `https://u:${canary}@pager.example`, headers: { "X-Key": canary } } },
      },
      databases: {
        redis: { password: `${canary}-inline` },
        vectors: {
          kind: "qdrant",
          url: "http://localhost:1",
          apiKeyFile: join(directory, "key"),
        },
      },
    }),
  );
  const config = await loadConfig(platform, {
    workingDirectory: directory,
    environment: {
      BACKUP_COMPRESSION: "gzip",
      BACKUP_EMAIL_USERNAME: "me",
      BACKUP_EMAIL_PASSWORD: canary,
      BACKUP_NOTIFICATION_EMAIL: "me@example.org",
    },
    flags: { dir: "/flag" },
  });
  const settings = effectiveSettings(config);
  expect(JSON.stringify(settings)).not.toContain(canary);
  const of = (name: string) => settings.find(({ setting }) => setting === name);
  const file = join(directory, "sutazai-backup.config.json");
  expect(of("dir")).toEqual({ setting: "dir", value: "/flag", origin: "flag", source: "--dir" });
  expect(of("compression")).toMatchObject({ value: "gzip", origin: "variable", source: "BACKUP_COMPRESSION" });
  expect(of("parallel")).toMatchObject({ value: 3, origin: "file", source: `parallel in ${file}` });
  expect(of("schedules.drill")).toMatchObject({ value: "weekly", origin: "file" });
  expect(of("schedules.backup")).toMatchObject({ value: null, origin: "default", source: null });
  expect(of("retention.keepHourly")).toMatchObject({ value: 48, origin: "default", source: "schedules.backup" });
  expect(of("retention.safetyDays")).toMatchObject({ value: 7, origin: "default", source: null });
  expect(of("timeout")).toMatchObject({ value: 14_400_000, origin: "default" });
  expect(of("databases.redis.container")).toMatchObject({ value: "sutazai-redis", origin: "discovered" });
  expect(of("databases.redis.password")).toMatchObject({ value: "**redacted**", origin: "file" });
  expect(of("databases.vectors.apiKeyFile")).toMatchObject({ value: join(directory, "key") });
  expect(redactSetting(["databases", "x", "url"], `http://me:${canary}@localhost:1/?key=${canary}`)).toBe(
    "http://**redacted**@localhost:1/?**redacted**",
  );
  const template = ["notifications", "webhooks", "x", "template", "firing"];
  expect(redactSetting([...template, "headers", "x-fixed"], canary)).toBe("**redacted**");
  expect(redactSetting([...template, "body"], "{{text}}")).toBe("{{text}}");
  expect(of("notifications.healthcheck.check")).toMatchObject({
    value: "**redacted**",
    origin: "file",
    source: expect.stringContaining("checkFile in"),
  });
  expect(of("notifications.slack.webhook")).toMatchObject({ value: "**redacted**", origin: "file" });
});

const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(configJsonSchema());

test.each([
  [{}, true],
  [{ dir: "/b", timeout: "2h", databases: { redis: { container: "x", passwordFile: "/p" } } }, true],
  [{ databases: { cache: { kind: "redis", host: "h", retention: { days: 3 } } } }, true],
  [{ databases: { redis: { kind: "postgres", container: "x", user: "me" } } }, true],
  [{ notifications: { slack: { webhookFile: "/x" }, email: { to: ["me@example.org"] } } }, true],
  [{ databases: { cache: { container: "x" } } }, false],
  [{ databases: { redis: { contaner: "x" } } }, false],
  [{ compression: "rar" }, false],
  [{ parallell: 3 }, false],
  [{ notifications: { slack: { webhok: "x" } } }, false],
  [{ daemon: { port: 70_000 } }, false],
])("the JSON Schema of %j says %s", (config, expected) => {
  expect(validate(config), JSON.stringify(validate.errors)).toBe(expected);
});

test("once a rule is given, no other follows the schedule", async () => {
  const config = await loadConfig(platform, {
    workingDirectory: directory,
    environment: { BACKUP_RETENTION_KEEP_LAST: "5", BACKUP_SCHEDULES_BACKUP: "daily" },
  });
  const settings = effectiveSettings(config).filter(({ setting }) => /^retention\.(days|keepLast)$/.test(setting));
  expect(settings).toEqual([
    { setting: "retention.days", value: 30, origin: "default", source: null },
    { setting: "retention.keepLast", value: 5, origin: "variable", source: "BACKUP_RETENTION_KEEP_LAST" },
  ]);
});
