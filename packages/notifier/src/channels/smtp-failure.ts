import { redact, type BackupErrorReason, type Secret } from "@sutazai/backup-core";
import { deliveryFailure } from "../channel.ts";
import { isCertificateProblem } from "../http.ts";

/** An error as nodemailer throws it. */
export interface SmtpReply extends Error {
  /** `EAUTH`, `EENVELOPE`, `ETLS`, or the system's. */
  readonly code?: string | undefined;
  /** The server's three digits. */
  readonly responseCode?: number | undefined;
  readonly response?: string | undefined;
  readonly recipient?: string | undefined;
  readonly rejectedErrors?: readonly SmtpReply[] | undefined;
}

/** What an error of nodemailer means. Pure. */
export function smtpFailure(error: SmtpReply, host: string, secrets: readonly Secret[]): Error {
  const reason = reasonOf(error);
  const refused = (error.rejectedErrors ?? []).map(({ recipient, response }) => `${recipient}: ${response}`);
  const says = refused.length > 0 ? `no recipient was accepted: ${refused.join("; ")}` : error.message;
  return deliveryFailure(reason, redact(`${host}: ${says}`, secrets), {
    operation: "notify",
    ...(hints[reason] !== undefined && { hint: hints[reason] }),
    details: { ...(error.responseCode !== undefined && { status: error.responseCode }) },
  });
}

function reasonOf({ code = "", responseCode = 0, message, rejectedErrors = [] }: SmtpReply): BackupErrorReason {
  if (isCertificateProblem(code) || /certificate|self.signed/i.test(message)) return "configuration";
  // 4xx: not now. One recipient of several that is put off is enough to try again.
  if (rejectedErrors.some(isPutOff) || isPutOff({ responseCode })) return "connection";
  if (code === "EAUTH" || code === "ENOAUTH") return "authentication";
  if (code === "ETLS") return "configuration";
  if (responseCode >= 500 || code === "EENVELOPE" || code === "EMESSAGE") return "refused";
  return code === "ETIMEDOUT" ? "timeout" : "connection";
}

/** Whether the server says: not now (4xx). */
export function isPutOff({ responseCode = 0 }: Pick<SmtpReply, "responseCode">): boolean {
  return responseCode >= 400 && responseCode < 500;
}

const hints: Partial<Record<BackupErrorReason, string>> = {
  authentication: "check username and password, and whether the server lets this user log in here",
  configuration:
    "check `tls` (starttls, implicit or off) and `port`, and give the certificate of the server's authority as `ca`",
  refused: "check sender and recipients: the server will not take this message as it is",
  connection: "check host and port; where the server only puts it off, nothing: it is tried again with the next call",
  timeout: "check host and port, and what stands between",
};
