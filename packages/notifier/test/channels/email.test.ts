import { createServer, type AddressInfo } from "node:net";
import { Secret } from "@sutazai/backup-core";
import { expect, onTestFinished, test, vi } from "vitest";
import { emailChannel, type EmailOptions } from "../../src/index.ts";
import { Reply, startMailServer, type MailServer, type MailServerOptions } from "../mail-server.ts";
import { failureOf, messageOf, never, notice, notifierWith, quickly, resolved } from "../support.ts";

// Real files and processes, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const context = { signal: never };
const login = { username: "backup", password: "hunter2" };
const to = ["ops@example.org", "dba@example.org"];

function optionsFor({ port, certificate }: MailServer, given: Partial<EmailOptions> = {}): EmailOptions {
  return { host: "localhost", port, ca: certificate, from: "Backups <backups@example.org>", to, ...given };
}

test.each([
  ["starttls", "starttls", true],
  ["implicit", "implicit", true],
  ["none", "off", false],
] as const)("a server with %s", async (offered, tls, isEncrypted) => {
  const server = await startMailServer({ tls: offered });
  expect(await emailChannel(optionsFor(server, { tls })).deliver(messageOf(), context)).toStrictEqual({ problems: [] });
  const [mail] = server.mails;
  expect(mail).toMatchObject({ isEncrypted, from: "backups@example.org", recipients: to });
});

test("text and HTML with the answers and the table, threaded by cause, and nothing that answers itself", async () => {
  const server = await startMailServer();
  const channel = emailChannel(optionsFor(server));
  await channel.deliver(messageOf(), context);
  await channel.deliver(messageOf({ id: "second", occasion: "resolved", notice: resolved }), context);
  const [first, second] = server.mails.map(({ parsed }) => parsed);
  expect(first?.subject).toBe("[CRITICAL] Backup of postgres failed (host-1)");
  for (const words of ["What failed", "Since", "restored in a drill", "What to do now", "last good backup"]) {
    expect(first?.text).toContain(words);
    expect(first?.html).toContain(words);
  }
  expect(first?.headers.get("auto-submitted")).toBe("auto-generated");
  expect(server.mails.map(({ raw }) => /^X-Priority: 1/m.test(raw))).toStrictEqual([true, false]);
  expect(first?.messageId).not.toBe(second?.messageId);
  expect(first?.references).toStrictEqual(second?.references);
});

test("a title cannot add headers or recipients", async () => {
  const server = await startMailServer();
  const title = "failed\r\nBcc: thief@example.org\r\n\r\nbody";
  await emailChannel(optionsFor(server)).deliver(messageOf({ notice: { ...notice, title } }), context);
  const [mail] = server.mails;
  expect(mail?.recipients).toStrictEqual(to);
  expect(mail?.parsed.headers.has("bcc")).toBe(false);
  expect(mail?.parsed.subject).toContain("Bcc: thief@example.org");
});

test("with a login", async () => {
  const server = await startMailServer({ login });
  const password = new Secret(login.password);
  await emailChannel(optionsFor(server, { username: login.username, password })).deliver(messageOf(), context);
  expect(server.mails).toMatchObject([{ user: login.username, isEncrypted: true }]);
  expect(server.mails[0]?.raw).not.toContain(login.password);
});

const password = new Secret("wrong-pass");

test.each<[string, MailServerOptions, Partial<EmailOptions>, object]>([
  ["a wrong password", { login }, { username: "backup", password }, { reason: "authentication", isRetryable: false }],
  [
    "a server without the login that is configured",
    {},
    { username: "backup", password },
    { reason: "authentication", isRetryable: false },
  ],
  ["a server without STARTTLS", { tls: "none" }, {}, { reason: "configuration", isRetryable: false }],
  [
    "a certificate that nobody vouches for",
    {},
    { ca: undefined as never },
    { reason: "configuration", isRetryable: false },
  ],
  ["TLS where the server expects none", { tls: "none" }, { tls: "implicit" }, { isRetryable: expect.any(Boolean) }],
  [
    "all recipients refused",
    { recipient: () => new Reply(550, "no such user") },
    {},
    { reason: "refused", isRetryable: false },
  ],
  [
    "greylisting",
    { recipient: () => new Reply(451, "come back later") },
    {},
    { reason: "connection", isRetryable: true },
  ],
  [
    "a message that is refused",
    { message: () => new Reply(554, "spam") },
    {},
    { reason: "refused", isRetryable: false },
  ],
  ["a full queue", { message: () => new Reply(452, "queue is full") }, {}, { reason: "connection", isRetryable: true }],
])("%s", async (_, server, given, expected) => {
  const started = await startMailServer(server);
  const { ca, ...options } = optionsFor(started, given);
  const failure = await failureOf(
    emailChannel({ ...options, ...(ca !== undefined && { ca }) }).deliver(messageOf(), context),
  );
  expect(failure).toMatchObject({ ...expected, hint: expect.any(String) });
  expect(JSON.stringify(failure)).not.toContain("wrong-pass");
  expect(started.mails).toStrictEqual([]);
});

test("one recipient refused for good does not keep the others from it, and is told", async () => {
  const server = await startMailServer({
    recipient: (address) => (address.startsWith("dba") ? new Reply(550, "moved away") : undefined),
  });
  const { deliveries } = await (await notifierWith([emailChannel(optionsFor(server))])).notify([notice]);
  expect(server.mails.map(({ recipients }) => recipients)).toStrictEqual([["ops@example.org"]]);
  expect(deliveries).toMatchObject([
    {
      outcome: "delivered",
      attempts: 1,
      problems: [expect.stringMatching(/refused dba@example\.org: 550 moved away/)],
    },
  ]);
});

test("one recipient put off gets it later, alone, across calls", async () => {
  let refusals = 4;
  const server = await startMailServer({
    recipient: (address) => (address.startsWith("dba") && refusals-- > 0 ? new Reply(450, "greylisted") : undefined),
  });
  const notifier = await notifierWith([emailChannel(optionsFor(server))]);
  const first = await notifier.notify([notice]);
  expect(first.deliveries).toMatchObject([
    { outcome: "failed", attempts: quickly.attempts, error: { message: expect.stringContaining("greylisted") } },
  ]);
  const second = await notifier.notify([]);
  expect(second.deliveries).toMatchObject([{ outcome: "delivered", attempts: 2 }]);
  expect(server.mails.map(({ recipients }) => recipients)).toStrictEqual([["ops@example.org"], ["dba@example.org"]]);
  expect(new Set(server.mails.map(({ parsed }) => parsed.messageId)).size).toBe(1);
});

test("one that was put off and then refused for good settles it", async () => {
  let asked = 0;
  const server = await startMailServer({
    recipient: (address) => (address.startsWith("dba") ? new Reply(++asked === 1 ? 450 : 550, "no") : undefined),
  });
  const notifier = await notifierWith([emailChannel(optionsFor(server))]);
  const { deliveries } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "delivered", attempts: 2, problems: [expect.stringContaining("dba")] }]);
  expect(server.mails.length).toBe(1);
});

test("nothing is sent where all who are left have it", async () => {
  const server = await startMailServer();
  const receipt = await emailChannel(optionsFor(server)).deliver(messageOf({ served: to }), context);
  expect([receipt, server.mails]).toStrictEqual([{ problems: [] }, []]);
});

test("greylisted once, then taken, within one call", async () => {
  let refusals = 2;
  const server = await startMailServer({ recipient: () => (refusals-- > 0 ? new Reply(450, "later") : undefined) });
  const { deliveries } = await (await notifierWith([emailChannel(optionsFor(server))])).notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "delivered", attempts: 2 }]);
});

test("a server that is slow to greet and one that never does", async () => {
  const slow = await startMailServer({ greeting: () => new Promise((resolve) => void setTimeout(resolve, 300)) });
  await emailChannel(optionsFor(slow)).deliver(messageOf(), context);
  expect(slow.mails.length).toBe(1);

  const sockets: { destroy(): void }[] = [];
  const silent = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => void silent.listen(0, "localhost", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => void silent.close(() => resolve()));
  });
  const { port } = silent.address() as AddressInfo;
  const notifier = await notifierWith([emailChannel(optionsFor({ ...slow, port }))], {
    retries: { attempts: 2, attemptMs: 150, firstPauseMs: 1, longestPauseMs: 1 },
  });
  const { deliveries } = await notifier.notify([notice]);
  expect(deliveries).toMatchObject([{ outcome: "failed", attempts: 2, error: { reason: "timeout" } }]);
});

test("nobody there", async () => {
  const options: EmailOptions = { host: "127.0.0.1", port: 1, from: "a@example.org", to };
  expect(await failureOf(emailChannel(options).deliver(messageOf(), context))).toMatchObject({ reason: "connection" });
});

test("settings that cannot be meant are refused", () => {
  const options: EmailOptions = { host: "mail.example.org", from: "a@example.org", to };
  expect(() => emailChannel({ ...options, to: [] })).toThrow();
  expect(() => emailChannel({ ...options, to: ["a@example.org, b@example.org"] })).toThrow(/plain addresses/);
  expect(() => emailChannel({ ...options, username: "backup" })).toThrow(/both/);
  expect(() => emailChannel({ ...options, tls: "off", username: "backup", password })).toThrow(/in the clear/);
  expect(() => emailChannel({ ...options, user: "backup" } as EmailOptions)).toThrow(/user/);
});
