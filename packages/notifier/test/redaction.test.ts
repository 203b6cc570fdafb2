// Canaries as every credential there is, against servers that repeat all they are sent: none may show in anything that is kept, logged or reported.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Secret, type Logger } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { emailChannel, healthcheckChannel, Notifier, slackChannel, webhookChannel } from "../src/index.ts";
import { startMailServer } from "./mail-server.ts";
import { notice, notifierWith, quickly, scratch, startReceiver, type Answer, type ReceivedRequest } from "./support.ts";

const echo: Answer = (response, { method, path, headers, body }) =>
  void response.writeHead(422).end(`${method} ${path} ${JSON.stringify(headers)} ${body}`.slice(-400));

test("no credential shows, whatever servers say", async () => {
  const { url, requests } = await startReceiver(echo);
  const mail = await startMailServer({ login: { username: "backup", password: "right" } });
  const canary = (name: string): string => `canary-${name}-4711`;
  const secret = (name: string): Secret => new Secret(canary(name));
  const channels = [
    emailChannel({
      host: "localhost",
      port: mail.port,
      ca: mail.certificate,
      username: "backup",
      password: secret("smtp"),
      from: "backup@example.org",
      to: ["ops@example.org"],
    }),
    slackChannel({ webhook: new Secret(`${url}/services/${canary("slack")}`) }),
    webhookChannel({
      preset: "pagerduty",
      name: "pager",
      url: new Secret(`${url}/enqueue?token=${canary("query")}`),
      credential: secret("routing"),
      signingSecret: secret("signing"),
      headers: { authorization: secret("header") },
    }),
    webhookChannel({ preset: "servicenow", name: "desk", url: new Secret(url), credential: secret("basic") }),
    healthcheckChannel({ check: new Secret(`${url}/${canary("check")}`) }),
  ];
  const logged: unknown[] = [];
  const log = (...line: readonly unknown[]): void => void logged.push(line);
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const stateDir = await scratch();
  const database = secret("database");
  const notifier = new Notifier({ channels, stateDir, secrets: [database], logger, retries: quickly });
  const reports = [
    await notifier.notify([{ ...notice, what: `password authentication failed: ${database.reveal()}` }]),
    await notifier.ping({ event: "fail", runId: "run", log: `PGPASSWORD=${database.reveal()}` }),
    await notifier.test(),
    await notifier.standing(),
  ];
  const stored = await Promise.all((await readdir(stateDir)).map((name) => readFile(join(stateDir, name), "utf8")));
  const everything = JSON.stringify([reports, logged, stored]);

  expect(JSON.stringify(reports[0])).not.toContain('"delivered"');
  // The credentials were used, and the servers did repeat them.
  expect(JSON.stringify(requests)).toContain(canary("routing"));
  expect(everything).toContain("**redacted**");
  const leaks = ["smtp", "slack", "query", "routing", "signing", "header", "basic", "check", "database"].filter(
    (name) => everything.includes(canary(name)) || everything.includes(Buffer.from(canary(name)).toString("base64")),
  );
  expect(leaks).toStrictEqual([]);
  // And what was said to the receivers holds no password of a database.
  expect(JSON.stringify([requests, mail.mails])).not.toContain(database.reveal());
});

describe("what a server repeats of what it was sent, without the rest", () => {
  const canary = (name: string): string => `canary-${name}-4711`;
  const template = {
    firing: { headers: { "x-api-key": canary("fixed"), "x-sent": "{{credential|base64}}" }, body: "{{title}}" },
    resolved: null,
    event: null,
  };
  const channels = (url: string) => [
    slackChannel({ webhook: new Secret(`${url}/services/T000/${canary("slack-path")}/`) }),
    webhookChannel({
      url: new Secret(
        `${url.replace("//", `//${canary("user")}:${canary("password")}@`)}/x/${canary("hook-path")}?key=${canary("hook-query")}`,
      ),
      template,
      credential: new Secret(canary("credential")),
      headers: { "x-own": new Secret(`"${canary("own")}\\`) },
    }),
    healthcheckChannel({ check: new Secret(`${url}/${canary("check-path")}`) }),
  ];
  const parts: Readonly<Record<string, (request: ReceivedRequest) => unknown>> = {
    "the path": ({ path }) => path,
    "the path's parts": ({ path }) => path.split(/[/?=&]/),
    "the headers": ({ headers }) => headers,
    "the login": ({ headers }) => headers.authorization ?? "",
    "each header": ({ headers }) => [headers["x-own"], headers["x-api-key"], headers["x-sent"]],
  };
  test.each(Object.keys(parts))("%s", async (part) => {
    const { url, requests } = await startReceiver((response, request) => {
      response.writeHead(422).end(JSON.stringify(parts[part]?.(request)));
    });
    const notifier = await notifierWith(channels(url));
    const told = [await notifier.notify([notice]), await notifier.ping({ event: "fail", runId: "run" })];
    expect(requests).toHaveLength(3);
    const everything = JSON.stringify([told, await notifier.standing()]);
    expect(everything).toContain("answered 422");
    const names = [
      "slack-path",
      "user",
      "password",
      "hook-path",
      "hook-query",
      "fixed",
      "credential",
      "own",
      "check-path",
    ];
    const leaks = names.filter(
      (name) => everything.includes(canary(name)) || everything.includes(Buffer.from(canary(name)).toString("base64")),
    );
    expect(leaks).toEqual([]);
    expect(everything).not.toContain(
      Buffer.from(`${canary("user")}:`)
        .toString("base64")
        .slice(0, 16),
    );
  });

  test("words in an address stay words", async () => {
    const { url } = await startReceiver((response) => response.writeHead(422).end("no backups of services here, v=2"));
    const hook = webhookChannel({ url: new Secret(`${url}/services/backups?v=2`) });
    const report = await (await notifierWith([hook])).notify([notice]);
    expect(JSON.stringify(report)).toContain("no backups of services here, v=2");
  });
});
