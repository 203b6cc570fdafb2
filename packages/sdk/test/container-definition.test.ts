import { expect, test } from "vitest";
import { withoutSecrets } from "../src/container-definition.ts";

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
    ["postgres", "-c", "max_connections=50"],
    ["postgres", "-c", "max_connections=50"],
  ],
  [[], []],
])("%j", (command, expected) => {
  expect(withoutSecrets(command)).toEqual(expected);
});
