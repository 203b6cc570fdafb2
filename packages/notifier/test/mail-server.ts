import { simpleParser, type ParsedMail } from "mailparser";
import { generate } from "selfsigned";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** One mail as it came over the wire. */
export interface ReceivedMail {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly isEncrypted: boolean;
  readonly user: string | undefined;
  readonly raw: string;
  readonly parsed: ParsedMail;
}

export interface MailServer {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** Of the server, for `ca`. */
  readonly certificate: string;
}

let made: ReturnType<typeof makeCertificate> | undefined;

function makeCertificate() {
  return generate([{ name: "commonName", value: "localhost" }], {
    keySize: 2048,
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
    ],
  });
}

export class Reply extends Error {
  readonly responseCode: number;

  constructor(responseCode: number, message: string) {
    super(message);
    this.responseCode = responseCode;
  }
}

export interface MailServerOptions {
  readonly tls?: "starttls" | "implicit" | "none";
  readonly login?: { readonly username: string; readonly password: string };
  /** What the server says to a recipient; undefined takes it. */
  readonly recipient?: (address: string) => Reply | undefined;
  readonly greeting?: () => Promise<void>;
  /** What it says when it has the whole message. */
  readonly message?: () => Reply | undefined;
}

/** A real SMTP server on the loopback. */
export async function startMailServer(options: MailServerOptions = {}): Promise<MailServer> {
  const { tls = "starttls", login, recipient, greeting, message } = options;
  const { private: key, cert } = await (made ??= makeCertificate());
  const mails: ReceivedMail[] = [];
  const settings: SMTPServerOptions = {
    secure: tls === "implicit",
    key,
    cert,
    disableReverseLookup: true,
    authOptional: login === undefined,
    disabledCommands: [...(tls === "none" ? ["STARTTLS"] : []), ...(login === undefined ? ["AUTH"] : [])],
    onConnect: (_session, callback) => void (greeting?.() ?? Promise.resolve()).then(() => callback()),
    onAuth: ({ username, password }, _session, callback) =>
      username === login?.username && password === login?.password
        ? callback(null, { user: username })
        : callback(new Reply(535, `no such user, or not ${password}`)),
    onRcptTo: ({ address }, _session, callback) => callback(recipient?.(address) ?? null),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const reply = message?.();
        if (reply !== undefined) return callback(reply);
        const raw = Buffer.concat(chunks);
        const { mailFrom, rcptTo } = session.envelope;
        void simpleParser(raw).then((parsed) => {
          mails.push({
            from: mailFrom === false ? "" : mailFrom.address,
            recipients: rcptTo.map(({ address }) => address),
            isEncrypted: session.secure,
            user: typeof session.user === "string" ? session.user : undefined,
            raw: raw.toString("utf8"),
            parsed,
          });
          callback();
        });
      });
    },
  };
  const server = new SMTPServer(settings);
  // Clients that refuse a certificate or go away are what the tests are about.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => void server.listen(0, "localhost", () => resolve()));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, mails, certificate: cert };
}
