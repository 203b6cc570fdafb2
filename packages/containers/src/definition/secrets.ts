// What of a container's settings may be written down. In doubt nothing: a definition that asks for one value too many is
// mended in a minute, a password in every manifest is not.

const redacted = "**redacted**";
const secretWord = "(?:pass|pwd|auth|secret|token|key|cred|private|dsn)";
const secretName = new RegExp(secretWord, "i");

// They are called after a secret and are none.
const harmlessEndings = "(?:[-_](?:file|path|dir|encryption|method|size|length|timeout)|url)";

// What images and servers document as plain settings.
const harmlessVariables: ReadonlySet<string> = new Set(
  [
    "PATH HOME USER SHELL TERM TZ LANG LANGUAGE LC_ALL HOSTNAME PUID PGID UMASK PORT LOG_LEVEL PYTHONUNBUFFERED OMP_NUM_THREADS",
    "PGDATA PGPORT POSTGRES_USER POSTGRES_DB POSTGRES_INITDB_ARGS POSTGRES_INITDB_WALDIR POSTGRES_HOST_AUTH_METHOD",
    "POSTGRES_PASSWORD_FILE POSTGRES_USER_FILE POSTGRES_DB_FILE POSTGRES_INITDB_ARGS_FILE NEO4J_AUTH_FILE REDIS_PASSWORD_FILE",
    "NEO4J_ACCEPT_LICENSE_AGREEMENT NEO4J_PLUGINS NEO4J_EDITION",
    "NEO4J_server_memory_heap_initial__size NEO4J_server_memory_heap_max__size NEO4J_server_memory_pagecache_size",
    "NEO4J_server_default__listen__address NEO4J_server_default__advertised__address NEO4J_initial_dbms_default__database",
    "QDRANT__LOG_LEVEL QDRANT__TELEMETRY_DISABLED QDRANT__SERVICE__HTTP_PORT QDRANT__SERVICE__GRPC_PORT QDRANT__SERVICE__ENABLE_TLS",
    "QDRANT__STORAGE__STORAGE_PATH QDRANT__STORAGE__SNAPSHOTS_PATH QDRANT__STORAGE__TEMP_PATH QDRANT__STORAGE__ON_DISK_PAYLOAD",
    "IS_PERSISTENT PERSIST_DIRECTORY ANONYMIZED_TELEMETRY ALLOW_RESET CHROMA_SERVER_HOST CHROMA_SERVER_HTTP_PORT",
    "FAISS_DATA",
  ].flatMap((line) => line.split(" ")),
);

/** The secrets that an environment holds, to be looked for wherever else they may have been written. */
export function secretsOf(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment)
    .flatMap(([name, value]) => [
      ...(isSecretName(name) ? [value, value.replace(/^[^/:]*[/:]/, "")] : []),
      ...[...value.matchAll(urlPassword)].map(([, , password = ""]) => password),
    ])
    .filter((value) => value.length >= 4);
}

/** The value of a variable, or null where it might be a secret. */
export function keptVariable(name: string, value: string, secrets: readonly string[]): string | null {
  if (value === "") return value;
  return harmlessVariables.has(name) && !holdsSecret(value, secrets) ? value : null;
}

/** The value of a label or of a driver's option, or null where it might be a secret. */
export function keptValue(name: string, value: string, secrets: readonly string[]): string | null {
  const isHash = /\$(?:apr1|2[abxy]|[156])\$/.test(value);
  return secretName.test(name) || secretName.test(value) || isHash || holdsSecret(value, secrets) ? null : value;
}

/** A health check's command, or null where it might hold a secret: they are often written out there, in options of all names. */
export function keptHealthCheck(test: readonly string[], secrets: readonly string[]): readonly string[] | null {
  const text = test.join(" ");
  const suspect = secretName.test(text) || /(?:^|\s)-(?:a|p|u|w|H)|--(?:user|header)|@/.test(text);
  return suspect || holdsSecret(text, secrets) ? null : test;
}

/**
 * A command with `**redacted**` in place of what follows an option that is called after a secret (as the next argument,
 * behind `=`, or within a shell's command line), of passwords in URLs, and of the secrets that are known.
 */
export function withoutSecrets(command: readonly string[], secrets: readonly string[]): string[] {
  return command.map((argument, index) => {
    if (isOptionOfSecret(command[index - 1])) return redacted;
    const text = argument
      .replaceAll(optionWithValue, `$1${redacted}`)
      .replaceAll(assignment, `$1${redacted}`)
      .replaceAll(urlPassword, `$1${redacted}@`);
    // The first is the program: `postgres` stays, though it may be somebody's password too.
    return index === 0 ? text : known(secrets).reduce((result, secret) => result.replaceAll(secret, redacted), text);
  });
}

const nameOfSecret = `(?![\\w.-]*${harmlessEndings}\\b)[\\w.-]*${secretWord}[\\w.-]*`;
// What a shell puts in is no secret yet: `"$REDIS_PASSWORD"`.
const value = `(?!["']?\\$\\{?\\w+\\}?["']?(?:\\s|$))("[^"]*"|'[^']*'|[^\\s"']+)`;
const optionOfSecret = new RegExp(`^--?${nameOfSecret}$`, "i");
const optionWithValue = new RegExp(`(--?${nameOfSecret}(?:=|\\s+))${value}`, "gi");
const assignment = new RegExp(`((?<![\\w.-])${nameOfSecret}=)${value}`, "gi");
const urlPassword = /(\w:\/\/[^\s:/@]*:)([^\s@/]+)@/g;

function isOptionOfSecret(argument: string | undefined): boolean {
  return argument !== undefined && optionOfSecret.test(argument);
}

function isSecretName(name: string): boolean {
  return new RegExp(`^${nameOfSecret}$`, "i").test(name);
}

function holdsSecret(text: string, secrets: readonly string[]): boolean {
  return text.search(urlPassword) >= 0 || known(secrets).some((secret) => text.search(secret) >= 0);
}

/** Matches each as a word of its own. */
function known(secrets: readonly string[]): RegExp[] {
  return secrets.map((secret) => {
    const literal = secret.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return new RegExp(`(?<![\\w-])${literal}(?![\\w-])`, "g");
  });
}
