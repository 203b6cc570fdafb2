import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { channelModules } from "@sutazai/backup-notifier";
import { variables } from "@sutazai/backup-sdk";
import type { Canaries } from "./canaries.ts";

/** Variables whose value is a secret: each that may be given as a file as well, and tables of secrets. */
export function secretVariables(): string[] {
  const all = variables();
  const names = new Set(all.map(({ name }) => name));
  const tables = Object.values(channelModules).flatMap(({ secretTables }) => secretTables);
  return all.flatMap(({ name, path }) =>
    names.has(`${name}_FILE`) || (path[0] === "notifications" && tables.includes(path.at(-1) ?? "")) ? name : [],
  );
}

/** Variables that sound like a secret, or may have one in them, besides those that are declared as one. */
export function suspiciousVariables(): string[] {
  const declared = new Set(secretVariables().flatMap((name) => [name, `${name}_FILE`]));
  return variables()
    .map(({ name }) => name)
    .filter((name) => /PASS|SECRET|TOKEN|KEY|CRED|AUTH|HEADER|HOOK$|URL$|TEMPLATE|DSN/.test(name))
    .filter((name) => !declared.has(name));
}

/** Where the receivers of the test are. */
export interface Receivers {
  readonly url: string;
  readonly mailPort: number;
  readonly mailCertificate: string;
}

/** A value for every variable that is a secret, or may have one in it; the channels' lead to the receivers. */
export function plantVariables(given: Canaries, { url, mailPort, mailCertificate }: Receivers, prefix = "") {
  const { host } = new URL(url);
  const canaries = {
    plant: (name: string) => given.plant(prefix + name),
    plantPlain: (name: string) => given.plantPlain(prefix + name),
  };
  const planted: Readonly<Record<string, string>> = {
    BACKUP_POSTGRES_PASSWORD: canaries.plant("postgres password"),
    BACKUP_REDIS_PASSWORD: canaries.plant("redis password"),
    BACKUP_NEO4J_PASSWORD: canaries.plant("neo4j password"),
    BACKUP_QDRANT_API_KEY: canaries.plant("qdrant key"),
    BACKUP_CHROMADB_TOKEN: canaries.plant("chroma token"),
    BACKUP_CHROMADB_PASSWORD: canaries.plant("chroma password"),
    BACKUP_EMAIL_PASSWORD: canaries.plant("smtp password"),
    BACKUP_SLACK_WEBHOOK: `${url}/slack/${canaries.plantPlain("slack address")}`,
    BACKUP_WEBHOOK_URL:
      `http://backup:${encodeURIComponent(canaries.plant("hook password"))}@${host}` +
      `/hook/${canaries.plantPlain("hook path")}?token=${encodeURIComponent(canaries.plant("hook query"))}`,
    BACKUP_WEBHOOK_CREDENTIAL: canaries.plant("hook credential"),
    BACKUP_WEBHOOK_SIGNING_SECRET: canaries.plant("signing secret"),
    BACKUP_WEBHOOK_HEADERS: JSON.stringify({ "x-token": canaries.plant("hook header") }),
    BACKUP_HEALTHCHECK_URL: `${url}/check/${canaries.plantPlain("check address")}`,
    OTEL_EXPORTER_OTLP_HEADERS: `x-token=${canaries.plantPlain("otel header")}`,
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: `x-traces=${canaries.plantPlain("otel header of traces")}`,
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: `x-metrics=${canaries.plantPlain("otel header of metrics")}`,
  };
  const settings: Readonly<Record<string, string>> = {
    BACKUP_EMAIL_HOST: "localhost",
    BACKUP_EMAIL_PORT: String(mailPort),
    BACKUP_EMAIL_CA: mailCertificate,
    BACKUP_EMAIL_USERNAME: "backup",
    BACKUP_NOTIFICATION_EMAIL: "ops@example.org",
    BACKUP_CHROMADB_USER: "backup",
    BACKUP_CHROMADB_TOKEN_HEADER: "X-Chroma-Token",
    BACKUP_WEBHOOK_TEMPLATE: JSON.stringify(templateWith(canaries.plant("template's own"))),
    // Not of ours, but in the environment of every run.
    OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/otel`,
    SOMEBODY_ELSES_SECRET: canaries.plant("environment"),
  };
  return { planted, settings };
}

function templateWith(secret: string): object {
  const headers = { "x-credential": "{{credential|base64}}", "x-api-key": secret };
  const request = { headers, body: { text: "{{text}}", notice: "{{notice}}" } };
  return { firing: request, resolved: request, event: request };
}

/** The same variables, but the values are in files, and the variables name them. */
export async function inFiles(
  planted: Readonly<Record<string, string>>,
  directory: string,
): Promise<Record<string, string>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const named = Object.entries(planted).map(async ([name, value]) => {
    const path = join(directory, name);
    await writeFile(path, `${value}\n`, { mode: 0o600 });
    return [`${name}_FILE`, path] as const;
  });
  return Object.fromEntries(await Promise.all(named));
}
