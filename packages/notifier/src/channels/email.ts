import { secretSchema, type Secret } from "@sutazai/backup-core";
import { z } from "zod";
import { deliveryFailure, type Message, type NoticeChannel, type Receipt } from "../channel.ts";
import { formatHtml } from "../html.ts";
import { routingShape, type Routing } from "../routing.ts";
import { formatText } from "../text.ts";
import { shorten, wordingOf } from "../wording.ts";
import { checkOptions } from "./options.ts";
import { isPutOff, smtpFailure, type SmtpReply } from "./smtp-failure.ts";

/** How mail is handed to a server. */
export interface EmailOptions extends Routing {
  readonly name?: string;
  readonly host: string;
  /** 587 for `starttls`, 465 for `implicit`, 25 for `off`, unless given. */
  readonly port?: number;
  /** `starttls` unless given: the server must offer it, nothing is sent in the clear. */
  readonly tls?: "starttls" | "implicit" | "off";
  /** Certificate in PEM that the server's own is checked against, instead of the system's. */
  readonly ca?: string;
  readonly username?: string;
  readonly password?: Secret;
  /** `Backups <backups@example.org>`. */
  readonly from: string;
  readonly to: readonly string[];
}

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "::1"]);

export const emailOptionsSchema: z.ZodType<EmailOptions> = z
  .strictObject({
    name: z.string().min(1).optional(),
    host: z.string().min(1).describe("Mail server"),
    port: z.int().min(1).max(65_535).optional().describe("Port; 587 for starttls, 465 for implicit, 25 for off"),
    tls: z
      .enum(["starttls", "implicit", "off"])
      .optional()
      .describe("starttls, implicit or off; starttls unless given"),
    ca: z.string().min(1).optional().describe("Certificate in PEM that the server's own is checked against"),
    username: z.string().min(1).optional().describe("User to log in as"),
    password: secretSchema.optional().describe("Password of that user"),
    from: z.string().min(3).regex(/@/, "an address").describe("Sender: Backups <backups@example.org>"),
    to: z
      .array(z.string().regex(/^[^\s@<>,;]+@[^\s@<>,;]+$/, "plain addresses"))
      .min(1)
      .describe("Recipients"),
    ...routingShape,
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    error: "give both `username` and `password`, or neither",
  })
  .refine(({ tls, password, host }) => tls !== "off" || password === undefined || loopback.has(host), {
    error: "a password is not sent in the clear: use `tls: starttls` or `tls: implicit`",
  }) as z.ZodType<EmailOptions>;

const ports = { starttls: 587, implicit: 465, off: 25 } as const;

/** The attempt as a whole has its own limit; these make sure that no part of it hangs on a silent server. */
const timeouts = { connectionTimeout: 8000, greetingTimeout: 8000, socketTimeout: 8000, dnsTimeout: 8000 };

/**
 * Mail in text and HTML, one message to all recipients. A recipient refused for good (5xx) does not keep the others from it and is told
 * in `problems`; one put off (4xx, greylisting) is tried again alone. Messages about one cause make one thread.
 */
export function emailChannel(options: EmailOptions): NoticeChannel {
  const {
    name = "email",
    host,
    tls = "starttls",
    ca,
    username,
    password,
    from,
    to,
  } = checkOptions(emailOptionsSchema, options, "email");
  const secrets = password === undefined ? [] : [password];
  const send = async (message: Message, signal: AbortSignal): Promise<Answers> => {
    const recipients = to.filter((address) => !message.served.includes(address));
    // Whoever was still without it is not among the recipients any more.
    if (recipients.length === 0) return { accepted: [], refused: [] };
    // Thirty megabytes of memory: for who sends mail alone.
    const { createTransport } = await import("nodemailer");
    const transport = createTransport({
      host,
      port: options.port ?? ports[tls],
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "off",
      ...(ca !== undefined && { tls: { ca } }),
      // Where the server offers no login although there is a password, something is not as it was configured.
      ...(password !== undefined && { auth: { user: username ?? "", pass: password.reveal() }, forceAuth: true }),
      ...timeouts,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const mail = { ...contentOf(message, from, to), envelope: { from, to: recipients }, signal };
      const { accepted, rejectedErrors = [] } = await transport.sendMail(mail);
      return { accepted, refused: rejectedErrors };
    } catch (error) {
      signal.throwIfAborted();
      const { rejectedErrors = [] } = error as SmtpReply;
      // The others have it, and these never will.
      const isSettled = message.served.length > 0 && rejectedErrors.length > 0 && !rejectedErrors.some(isPutOff);
      if (isSettled) return { accepted: [], refused: rejectedErrors };
      throw smtpFailure(error as SmtpReply, host, secrets);
    } finally {
      transport.close();
    }
  };
  return {
    accepts: "notices",
    name,
    kind: "email",
    routing: options,
    takes: { again: true, resolved: true, event: true },
    secrets,
    deliver: async (message, { signal }) => receiptOf(await send(message, signal), host),
  };
}

/** What became of each recipient. */
interface Answers {
  readonly accepted: readonly string[];
  readonly refused: readonly SmtpReply[];
}

function receiptOf({ accepted, refused }: Answers, host: string): Receipt {
  const putOff = refused.filter(isPutOff);
  if (putOff.length > 0) {
    throw deliveryFailure("connection", `${host} put off ${putOff.map(describe).join("; ")}`, {
      operation: "notify",
      hint: "nothing, unless it lasts: those who got it are not sent it again",
      served: accepted,
    });
  }
  return { problems: refused.map((error) => `${host} refused ${describe(error)}`) };
}

function describe({ recipient = "a recipient", response = "" }: SmtpReply): string {
  return `${recipient}: ${response}`;
}

function contentOf(message: Message, from: string, to: readonly string[]): object {
  const { id, incident, notice } = message;
  const { subject } = wordingOf(message);
  const idOf = (local: string): string => `<${local}@sutazai-backup>`;
  return {
    from,
    to,
    subject: shorten(subject, 200),
    text: formatText(message),
    html: formatHtml(message),
    // The same for every attempt, so that mail systems can drop a second copy.
    messageId: idOf(id),
    references: [idOf(incident)],
    priority: notice.severity === "critical" && notice.state === "firing" ? "high" : "normal",
    // RFC 3834: no out-of-office replies to a machine.
    headers: { "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All" },
  };
}
