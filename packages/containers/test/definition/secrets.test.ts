import { expect, test } from "vitest";
import { keptHealthCheck, keptValue, keptVariable, secretsOf, withoutSecrets } from "../../src/definition/secrets.ts";

test.each([
  [
    ["redis-server", "--requirepass", "hunter2", "--appendonly", "yes"],
    ["redis-server", "--requirepass", "**redacted**", "--appendonly", "yes"],
  ],
  [
    ["server", "--api-key=hunter2", "-v"],
    ["server", "--api-key=**redacted**", "-v"],
  ],
  [
    ["sh", "-c", "exec redis-server --masterauth 'hunter2 x' --port 1"],
    ["sh", "-c", "exec redis-server --masterauth **redacted** --port 1"],
  ],
  [
    ["sh", "-c", "REDIS_PASSWORD=hunter2 exec server"],
    ["sh", "-c", "REDIS_PASSWORD=**redacted** exec server"],
  ],
  [
    ["server", "--store", "https://me:hunter2@host/x"],
    ["server", "--store", "https://me:**redacted**@host/x"],
  ],
  [
    ["server", "--quietly", "env-secret", "--name=env-secrets"],
    ["server", "--quietly", "**redacted**", "--name=env-secrets"],
  ],
  [
    ["env-secret", "-c", "max_connections=50"],
    ["env-secret", "-c", "max_connections=50"],
  ],
  [
    ["postgres", "-c", "ssl_key_file=/certs/key", "-c", "password_encryption=scram-sha-256"],
    ["postgres", "-c", "ssl_key_file=/certs/key", "-c", "password_encryption=scram-sha-256"],
  ],
  [
    ["sh", "-c", 'redis-server --requirepass "$REDIS_PASSWORD" --port 1'],
    ["sh", "-c", 'redis-server --requirepass "$REDIS_PASSWORD" --port 1'],
  ],
  [
    ["sh", "-c", "redis-server --requirepass ${REDIS_PASSWORD:-hunter2}"],
    ["sh", "-c", "redis-server --requirepass **redacted**"],
  ],
  [[], []],
])("of the command %j no secret is kept", (command, expected) => {
  expect(withoutSecrets(command, ["env-secret"])).toEqual(expected);
});

test("secrets of an environment are those called so, whole and without a user's name, and passwords in URLs", () => {
  const environment = {
    POSTGRES_PASSWORD: "hunter2",
    NEO4J_AUTH: "neo4j/hunter3",
    DATABASE_URL: "postgresql://app:hunter4@db/x",
    POSTGRES_PASSWORD_FILE: "/run/secrets/x",
    PASSWORD: "abc",
    MODE: "server",
  };
  expect(new Set(secretsOf(environment))).toEqual(new Set(["hunter2", "neo4j/hunter3", "hunter3", "hunter4"]));
});

test.each([
  ["POSTGRES_DB", "app", "app"],
  ["PGDATA", "/var/lib/postgresql/data/pg $x", "/var/lib/postgresql/data/pg $x"],
  ["POSTGRES_PASSWORD_FILE", "/run/secrets/x", "/run/secrets/x"],
  ["ANYTHING_ELSE", "", ""],
  ["ANYTHING_ELSE", "x", null],
  ["POSTGRES_PASSWORD", "x", null],
  ["QDRANT__STORAGE__SNAPSHOTS_CONFIG__S3_CONFIG__SECRET_KEY", "x", null],
  ["POSTGRES_USER", "hunter2", null],
  ["PERSIST_DIRECTORY", "s3://me:hunter9@host/x", null],
])("the variable %s=%s is kept as %j", (name, value, expected) => {
  expect(keptVariable(name, value, ["hunter2"])).toBe(expected);
});

test.each([
  ["sutazai.backup", "postgres", "postgres"],
  ["traefik.http.middlewares.m.basicauth.users", "me:x", null],
  ["users", "me:$apr1$abc$def", null],
  ["o", "addr=10.0.0.1,username=me,password=x", null],
  ["device", ":/srv/data", ":/srv/data"],
  ["note", "hunter2", null],
])("the label or option %s=%s is kept as %j", (name, value, expected) => {
  expect(keptValue(name, value, ["hunter2"])).toBe(expected);
});

test.each([
  [["CMD", "pg_isready", "-U", "postgres"], true],
  [["CMD-SHELL", "curl -sf http://localhost:6333/readyz"], true],
  [["CMD", "redis-cli", "-a", "x", "ping"], false],
  [["CMD-SHELL", "cypher-shell -u neo4j -p x 'RETURN 1'"], false],
  [["CMD-SHELL", "curl -H 'x: y' http://localhost"], false],
  [["CMD-SHELL", "mysqladmin ping --password=x"], false],
  [["CMD", "ping", "hunter2"], false],
])("the health check %j is kept: %j", (check, expected) => {
  expect(keptHealthCheck(check, ["hunter2"])).toEqual(expected ? check : null);
});
