// What the backups say of their containers, as a compose file.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { startPlatform, type Platform } from "./platform.ts";

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform[Symbol.asyncDispose]());

test("before there is a backup, there is nothing to export", async () => {
  const { code, stdout, stderr } = await platform.run(["platform", "export"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("not-found");
});

test("a compose file of the running containers comes out of their backups, without a secret", async () => {
  expect(await platform.run(["backup"])).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await platform.run(["platform", "export"]);
  expect(code, stderr).toBe(0);
  const { services, volumes } = parse(stdout);
  for (const { name, image, password, port } of [platform.postgres, platform.redis]) {
    expect(services[name]).toMatchObject({
      image,
      container_name: name,
      ports: [expect.stringMatching(new RegExp(`:?${port}:\\d+$`))],
      volumes: [{ type: "volume", source: `${name}-data` }],
    });
    expect(volumes[`${name}-data`]).toEqual({ name: `${name}-data` });
    for (const line of [password.reveal(), JSON.stringify(password.reveal()).slice(1, -1)]) {
      expect(stdout + stderr).not.toContain(line);
    }
  }
  expect(services[platform.postgres.name].environment).toEqual({
    POSTGRES_PASSWORD: expect.stringMatching(/^\$\{POSTGRES_PASSWORD:\?.+\}$/),
  });
  expect(services[platform.redis.name].command).toEqual([
    "redis-server",
    "--requirepass",
    expect.stringMatching(/^\$\{SUTAZAI_TEST_REDIS_\w+_REQUIREPASS:\?.+\}$/),
    "--appendonly",
    "yes",
  ]);
});

test("a file that is there is replaced only where that was asked for", async () => {
  const file = join(platform.directory, "compose.yaml");
  await writeFile(file, "mine");
  const refused = await platform.run(["platform", "export", "--output", file]);
  expect(refused).toMatchObject({ code: 4, stdout: "" });
  expect(await readFile(file, "utf8")).toBe("mine");
  const { code, lines } = await platform.json(["platform", "export", "--output", file, "--force"]);
  expect(code).toBe(0);
  expect(lines.at(-1)).toMatchObject({ type: "platform", output: file, leftOut: [], containers: [{}, {}] });
  expect(Object.keys(parse(await readFile(file, "utf8")).services)).toHaveLength(2);
});
