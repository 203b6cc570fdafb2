import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { ContainerRuntime } from "@sutazai/backup-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig, variables, type BackupConfig, type LoadedConfig } from "../../src/index.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "channels-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function load(environment: Record<string, string>, file: BackupConfig = {}): Promise<LoadedConfig> {
  await writeFile(join(directory, "sutazai-backup.config.json"), JSON.stringify(file));
  const docker = { list: async () => [] } as unknown as ContainerRuntime;
  return loadConfig(docker, { workingDirectory: directory, environment });
}

const namesOf = ({ channels }: LoadedConfig) => channels.map(({ name, kind }) => `${name} (${kind})`);
const secret = "T0PS3CRET";
const address = `https://example.org/${secret}`;

test("variables alone make a channel of each kind", async () => {
  const config = await load({
    BACKUP_NOTIFICATION_EMAIL: "ops@example.org, boss@example.org",
    BACKUP_SLACK_WEBHOOK: address,
    BACKUP_WEBHOOK_URL: address,
    BACKUP_WEBHOOK_MINIMUM_SEVERITY: "critical",
    BACKUP_HEALTHCHECK_URL: address,
    BACKUP_NOTIFICATIONS_REMINDER: "2h",
  });
  expect(namesOf(config)).toEqual(["email (email)", "slack (slack)", "healthcheck (healthcheck)", "webhook (webhook)"]);
  expect(config.settings.notifications.reminder).toBe(2 * 3_600_000);
  expect(config.warnings).toEqual([]);
  expect(config.channels.at(-1)).toMatchObject({ routing: { minimumSeverity: "critical" } });
});

test("none are none", async () => {
  expect((await load({})).channels).toEqual([]);
});

test("a file's channels and the environment's are merged option by option; webhooks have names of one's own", async () => {
  const file = {
    notifications: {
      email: { host: "mail.example.org", from: "a@example.org", to: ["ops@example.org"], username: "backups" },
      webhooks: { pager: { preset: "pagerduty" as const, credential: secret }, chat: { url: address } },
    },
  };
  const config = await load({ BACKUP_EMAIL_PASSWORD: secret, BACKUP_WEBHOOK_URL: address }, file);
  expect(namesOf(config)).toEqual(["email (email)", "pager (webhook)", "chat (webhook)", "webhook (webhook)"]);
});

describe("secrets", () => {
  test("are wrapped: nothing that holds the settings shows one", async () => {
    const headers = { authorization: `Bearer ${secret}` };
    const config = await load(
      { BACKUP_SLACK_WEBHOOK: address, BACKUP_HEALTHCHECK_URL: address },
      { notifications: { webhooks: { one: { url: address, signingSecret: secret, headers } } } },
    );
    expect(config.channels).toHaveLength(3);
    const shown = [config.settings, config.merged.values, config.channels];
    expect(JSON.stringify(shown) + inspect(shown, { depth: 9 })).not.toContain(secret);
  });

  test("may be in files", async () => {
    const path = join(directory, "secret");
    await writeFile(path, `${address}\n`);
    const config = await load({ BACKUP_SLACK_WEBHOOK_FILE: path, BACKUP_HEALTHCHECK_URL_FILE: path });
    expect(config.channels.map(({ secrets }) => secrets[0]?.reveal())).toEqual([address, address]);
    await expect(load({ BACKUP_SLACK_WEBHOOK_FILE: path, BACKUP_SLACK_WEBHOOK: address })).rejects.toThrow(
      "BACKUP_SLACK_WEBHOOK and BACKUP_SLACK_WEBHOOK_FILE are both set",
    );
  });

  test.each<[Record<string, string>, object, RegExp]>([
    [{ BACKUP_SLACK_WEBHOOK: secret }, {}, /^BACKUP_SLACK_WEBHOOK: found \*\*redacted\*\*, allowed is an http/],
    [{}, { slack: address }, /^notifications.slack in .*: found \*\*redacted\*\*, allowed is a record/],
    [{}, { webhooks: [{ url: address }] }, /^notifications.webhooks in .*redacted/],
    [{}, { webhooks: { x: { url: address, headers: secret } } }, /headers in .*redacted/],
    [{}, { webhooks: { x: { url: address, signingSecrets: secret } } }, /did you mean "signingSecret"/],
    [{ BACKUP_EMAIL_HOST: "mail" }, {}, /to: found nothing|BACKUP_NOTIFICATION_EMAIL: found nothing/],
    [{}, { emial: {} }, /did you mean "email"/],
  ])("%j and %j: the mistake is told without them", async (environment, notifications, message) => {
    const failure: unknown = await load(environment, { notifications } as BackupConfig).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ reason: "configuration", message: expect.stringMatching(message) });
    expect(inspect(failure, { depth: 9 })).not.toContain(secret);
  });
});

test("mail without a server goes to that of this host", async () => {
  const [email] = (await load({ BACKUP_NOTIFICATION_EMAIL: "ops@example.org" })).channels;
  expect(email).toMatchObject({ accepts: "notices", name: "email" });
  // Whoever names a server is not sent there in the clear.
  await expect(
    load({
      BACKUP_NOTIFICATION_EMAIL: "ops@example.org",
      BACKUP_EMAIL_HOST: "mail.example.org",
      BACKUP_EMAIL_TLS: "off",
      BACKUP_EMAIL_USERNAME: "me",
      BACKUP_EMAIL_PASSWORD: secret,
    }),
  ).rejects.toThrow("a password is not sent in the clear");
});

test("budgets: general ones, and those of a database, as people write them", async () => {
  const file: BackupConfig = {
    databases: { redis: { host: "cache", budgets: { rpo: "30m" } }, other: { kind: "redis", host: "x" } },
  };
  const config = await load({ BACKUP_BUDGETS_RTO: "10m", BACKUP_OTHER_BUDGETS: '{"small": 0.2}' }, file);
  expect(config.settings.budgets).toEqual({ rto: 600_000 });
  expect(config.budgets).toEqual({ redis: { rpo: 1_800_000 }, other: { small: 0.2 } });
  await expect(load({ BACKUP_BUDGETS_RPO: "soon" })).rejects.toThrow(/BACKUP_BUDGETS_RPO: found "soon"/);
});

test("every variable is called once", () => {
  const names = variables().map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      "BACKUP_NOTIFICATION_EMAIL",
      "BACKUP_SLACK_WEBHOOK",
      "BACKUP_WEBHOOK_SIGNING_SECRET_FILE",
      "BACKUP_HEALTHCHECK_URL",
      "BACKUP_METRICS_FILE",
    ]),
  );
});
