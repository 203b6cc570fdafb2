import { z } from "zod";
import { isMoreSevere, severities, type Notice, type Severity } from "./notice.ts";

/** Which notices a channel is for. */
export interface Routing {
  /** `warning` unless given: what is less urgent is not sent. */
  readonly minimumSeverity?: Severity;
  /** Causes, with `*` for anything: `backup-failed:*`. All unless given. */
  readonly causes?: readonly string[];
  /** Causes that are not sent, even though `causes` has them. */
  readonly exceptCauses?: readonly string[];
}

const pattern = z.string().min(1);

/** Options that every channel for notices takes. */
export const routingShape: {
  readonly minimumSeverity: z.ZodType<Severity | undefined>;
  readonly causes: z.ZodType<string[] | undefined>;
  readonly exceptCauses: z.ZodType<string[] | undefined>;
} = {
  minimumSeverity: z
    .enum(severities)
    .optional()
    .describe("Least severity that is sent: info, warning or critical; warning unless given"),
  causes: z.array(pattern).min(1).optional().describe("Causes that are sent, with * for anything; all unless given"),
  exceptCauses: z.array(pattern).min(1).optional().describe("Causes that are not sent, with * for anything"),
};

/** Why a notice is not for a channel; undefined where it is. */
export function whyNotFor(notice: Notice, routing: Routing): string | undefined {
  const { minimumSeverity = "warning", causes = ["*"], exceptCauses = [] } = routing;
  if (isMoreSevere(minimumSeverity, notice.severity))
    return `${notice.severity} is below this channel's ${minimumSeverity}`;
  const matches = (text: string): boolean => patternOf(text).test(notice.cause);
  if (!causes.some(matches)) return "this channel is not for this cause";
  return exceptCauses.some(matches) ? "this channel leaves this cause out" : undefined;
}

function patternOf(text: string): RegExp {
  return new RegExp(`^${text.split("*").map(escaped).join(".*")}$`, "s");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
