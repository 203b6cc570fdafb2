// Secrets are planted wherever the system takes or meets one, everything that it can do is done, well and badly, and whatever came of it is searched.
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { connectPostgres, fillQdrant, fillRedis, type ServerKindName, type TestServer } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";
import { startMailServer } from "../../packages/notifier/test/mail-server.ts";
import { startReceiver, type Answer } from "../../packages/notifier/test/support.ts";
import { Canaries, type Sighting } from "./canary/canaries.ts";
import { modesIn, textsIn } from "./canary/files.ts";
import { furtherLooks, looks, writeConfiguration, writeMistakes } from "./canary/lines.ts";
import { keepLookout } from "./canary/lookout.ts";
import { inFiles, plantVariables, secretVariables, suspiciousVariables } from "./canary/planted.ts";
import { finished, startPlatform, type CliResult, type Platform } from "./platform.ts";

const isFull = process.env["BACKUP_TEST_FULL"] === "1";
const kinds: readonly ServerKindName[] = isFull
  ? ["postgres", "redis", "neo4j", "qdrant", "chromadb", "faiss"]
  : ["postgres", "redis", "qdrant"];

/** What the databases of a kind are told their secret by. */
const ofServers: Readonly<Partial<Record<ServerKindName, string>>> = {
  postgres: "BACKUP_POSTGRES_PASSWORD",
  redis: "BACKUP_REDIS_PASSWORD",
  neo4j: "BACKUP_NEO4J_PASSWORD",
  qdrant: "BACKUP_QDRANT_API_KEY",
};

test("a secret is found in whatever form it went into", () => {
  const canaries = new Canaries();
  const secret = canaries.plant("one");
  canaries.plant("another");
  const basic = (user: string) => Buffer.from(`${user}:${secret}`).toString("base64");
  const forms = [
    secret,
    encodeURIComponent(secret),
    JSON.stringify({ secret }),
    JSON.stringify(JSON.stringify({ secret })),
    ...["a", "ab", "abc"].map(basic),
    Buffer.from(secret).toString("hex"),
    `${secret.slice(0, 9)}=\r\n${secret.slice(9)}`,
    secret.replace("/+@", "**redacted**"),
  ];
  for (const form of forms) expect(canaries.in(`before ${form} after`)).toEqual(["one"]);
  expect(canaries.in("nothing of the kind")).toEqual([]);
});

test("every setting that is a secret is planted, and none only sounds like one", () => {
  const { planted, settings } = plantVariables(new Canaries(), {
    url: "http://localhost",
    mailPort: 1,
    mailCertificate: "",
  });
  expect(Object.keys(planted).toSorted()).toEqual(secretVariables().toSorted());
  // Addresses of databases take no credentials, or are planted below.
  const elsewhere = ["POSTGRES", "REDIS", "QDRANT", "CHROMADB"].map((name) => `BACKUP_${name}_URL`);
  expect([...Object.keys(settings), ...elsewhere]).toEqual(expect.arrayContaining(suspiciousVariables()));
});

test("no secret is seen in anything that is printed, kept, sent or started", async () => {
  const canaries = new Canaries();
  const echo = { isOn: false, count: 0 };
  const answer: Answer = (response, { method, path, headers, body }) => {
    const said = [path, headers, headers.authorization, headers["x-token"], headers["x-credential"], body.slice(-150)];
    const told = said[(echo.count += 1) % said.length] ?? method;
    if (!echo.isOn) response.writeHead(200).end("OK");
    else response.writeHead(path.startsWith("/slack") ? 500 : 422).end(JSON.stringify(told));
  };
  const receiver = await startReceiver(answer);
  // It repeats the password that it refuses.
  const login = { username: "backup", password: "" };
  const mail = await startMailServer({ login });
  const receivers = { url: receiver.url, mailPort: mail.port, mailCertificate: mail.certificate };
  const { planted, settings } = plantVariables(canaries, receivers);
  login.password = planted["BACKUP_EMAIL_PASSWORD"] ?? "";

  await using platform = await startPlatform(kinds, {
    environment: {
      SOME_SETTING: canaries.plant("variable of a container"),
      OPENAI_API_KEY: canaries.plant("key of a container"),
      QUEUE: `amqp://backup:${canaries.plantPlain("address of a container")}@queue/`,
    },
    labels: {
      "com.example.token": canaries.plant("label of a container"),
      "com.example.queue": `amqp://backup:${canaries.plantPlain("address in a label")}@queue/`,
    },
  });
  const right: Record<string, string> = { ...planted };
  for (const { kind, password } of platform.servers) {
    const variable = ofServers[kind];
    if (variable !== undefined) right[variable] = canaries.adopt(`right ${kind} secret`, password.reveal());
  }
  await keepInPostgres(platform.postgres, canaries.plantPlain("content"));
  await fillRedis(platform.redis, { keys: 50 });
  await fillQdrant(platform.server("qdrant"), { points: 20 });

  const { host, port } = platform.postgres;
  const inAddress = (password = "") => ({
    ...right,
    BACKUP_POSTGRES_PASSWORD: "",
    BACKUP_POSTGRES_URL: `postgresql://postgres:${encodeURIComponent(password)}@${host}:${port}/postgres`,
  });
  const { planted: wrong, settings: otherwise } = plantVariables(canaries, receivers, "wrong ");
  const files = await inFiles(right, join(platform.directory, "secrets"));
  const good = await writeConfiguration(platform.directory, {
    password: canaries.plant("password in a file"),
    address: `${receiver.url}/slack/${canaries.plantPlain("address in a file")}`,
  });
  const { BACKUP_DIR: store = "", BACKUP_STATE_DIR: state = "" } = platform.environment;
  const out = join(platform.directory, "out");
  await mkdir(out);

  const found: Sighting[] = [];
  const results: Record<string, CliResult> = {};
  const unset = Object.fromEntries(Object.keys(right).map((name) => [name, ""]));
  const say = async (line: string, environment: Readonly<Record<string, string>> = right) => {
    const result = await platform.run(line.split(" "), { ...unset, ...settings, ...environment });
    const printed = canaries.in(result.stdout + result.stderr);
    for (const canary of printed) found.push({ canary, where: `what \`${line}\` printed` });
    results[line] = result;
  };

  const lookout = await keepLookout(canaries, state);
  // The worst that there is: whatever is made is as private as its maker says.
  const umask = process.umask(0);
  try {
    // Somebody else gives a secret as an argument, and it is seen.
    const careless = spawn("cat", ["-", canaries.plantPlain("argument")], { stdio: ["pipe", "ignore", "ignore"] });
    await say("backup --log-level debug");
    careless.kill();

    await say("backup redis --prove --json", files);
    await say("restore all --force --json");
    await say("prune --json");
    await say("notify test --log-level debug");
    echo.isOn = true;
    await say("schedule run backup --json --log-level debug", { ...wrong, ...otherwise });
    await say("notify test --json");
    await say("backup postgres", inAddress(canaries.plant("wrong password in an address")));
    if (isFull) {
      await say("restore redis --force", wrong);
      await say("monitor", wrong);
      await say("notify test", wrong);
      for (const text of await saidByDaemon(platform, { ...unset, ...settings, ...wrong })) {
        for (const canary of canaries.in(text)) found.push({ canary, where: "what the daemon said" });
      }
    }
    echo.isOn = false;
    if (isFull) await say("backup postgres --log-level debug", inAddress(right["BACKUP_POSTGRES_PASSWORD"]));
  } finally {
    process.umask(umask);
    await lookout[Symbol.asyncDispose]();
  }
  const lines = [...looks, ...(isFull ? furtherLooks : [])];
  const halves = [lines.filter((_, index) => index % 2 === 0), lines.filter((_, index) => index % 2 === 1)];
  await Promise.all(
    halves.map(async (half) => {
      for (const line of half) await say(line);
    }),
  );
  await say(`config show --config ${good}`, {});
  if (isFull) {
    for (const verb of ["backup", "test --dry-run", "status --json"]) await say(`${verb} --config ${good}`, {});
    for (const file of await writeMistakes(canaries, platform.directory)) await say(`status --config ${file}`, {});
    await say("status --log-level debug", { ...right, BACKUP_SLACK_WEBHOOK: canaries.plant("no address") });
  }
  for (const [line, code] of Object.entries(endings)) expect(results[line]?.code, results[line]?.stderr).toBe(code);

  for (const directory of [store, state]) expect(await modesIn(directory)).toEqual(new Set(["600", "700"]));
  for (const [what, directory] of Object.entries({ store, state, out })) {
    for await (const [path, text] of textsIn(directory)) {
      for (const canary of canaries.in(`${path} ${text}`)) found.push({ canary, where: `${path} in the ${what}` });
    }
  }
  for (const { path, headers, body } of receiver.requests) {
    const channel = path.split("/")[1] ?? "";
    for (const canary of canaries.in(body)) found.push({ canary, where: `a message to ${channel}` });
    for (const canary of canaries.in(JSON.stringify([path, headers]))) found.push({ canary, where: `→ ${channel}` });
  }
  for (const { raw, parsed } of mail.mails) {
    for (const canary of canaries.in(JSON.stringify([raw, parsed.text, parsed.html])))
      found.push({ canary, where: "a mail" });
  }
  expect(mail.mails.length).toBeGreaterThan(0);
  expect(Math.min(...Object.values(lookout.looked))).toBeGreaterThan(5);

  const all = [...found, ...lookout.sightings].map(({ canary, where }) => `${canary}: ${where}`);
  const isExpected = (sighting: string) => [...expected, serversOwn].some((each) => each.test(sighting));
  expect([...new Set(all)].filter((sighting) => !isExpected(sighting))).toEqual([]);
  // Who finds nothing where something is has not searched.
  expect(expected.filter((each) => !all.some((sighting) => each.test(sighting)))).toEqual([]);
  expect([...lookout.environments].toSorted()).toEqual(
    ["pg_dump", "pg_dumpall", "psql"].map((tool) => `right postgres secret in PGPASSWORD of ${tool}`),
  );
}, 1_800_000);

/** What went well and what did not: neither is searched in vain. */
const endings = {
  "backup --log-level debug": 0,
  "backup redis --prove --json": 0,
  "restore all --force --json": 0,
  "notify test --log-level debug": 0,
  "schedule run backup --json --log-level debug": 1,
  "notify test --json": 3,
  "backup postgres": 1,
  "audit show": 0,
  "report --json": 0,
  "platform export --output out/compose.yaml": 0,
};

/** As its operator started it; shown for a moment after each start only, until the server gives itself another title. */
const serversOwn = /^right redis secret: the arguments of (.* )?redis-server --requirepass$/;

/** What a daemon prints, and answers to whoever asks. */
async function saidByDaemon(platform: Platform, environment: Readonly<Record<string, string>>): Promise<string[]> {
  const child = platform.start(["daemon", "--port", "0", "--json"], environment);
  const end = finished(child);
  const port = await new Promise<number>((resolve, reject) => {
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const [, found] = /"port": ?(\d+)/.exec(printed) ?? [];
      if (found !== undefined) resolve(Number(found));
    });
    void end.then(({ stderr }) => reject(new Error(`the daemon ended: ${stderr}`)));
  });
  const answers = ["/healthz", "/metrics"].map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text());
  const said = await Promise.all(answers);
  child.kill();
  const { stdout, stderr } = await end;
  return [...said, stdout, stderr];
}

async function keepInPostgres(server: TestServer, text: string): Promise<void> {
  await using connection = await connectPostgres(server);
  await connection.client.query("CREATE TABLE kept (text text)");
  await connection.client.query("INSERT INTO kept VALUES ($1)", [text]);
}

/** What must be where it is, and is searched for to see that the search finds it. */
const expected: readonly RegExp[] = [
  /^argument: the arguments of cat -$/,
  // What is in a database is in its backup.
  /^content: postgres\/.*\/databases\/postgres\.sql\.zst in the store$/,
  /^(wrong )?slack address: → slack$/,
  /^(wrong )?check address: → check$/,
  /^(wrong )?hook (password|path|query|credential|header): → hook$/,
  /^(wrong )?template's own: → hook$/,
  /^(wrong )?otel header( of traces| of metrics)?: → otel$/,
];
