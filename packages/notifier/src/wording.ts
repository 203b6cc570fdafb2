import type { Message } from "./channel.ts";
import type { Notice, SafeBackup } from "./notice.ts";

/** What a message says, in the order in which it is read; channels only lay it out. */
export interface Wording {
  /** One line: what and how urgent. */
  readonly subject: string;
  readonly sections: readonly Section[];
  /** Where more can be found. */
  readonly closing: readonly string[];
}

export interface Section {
  readonly heading: string;
  readonly lines: readonly string[];
}

export function wordingOf({ notice, occasion, source }: Pick<Message, "notice" | "occasion" | "source">): Wording {
  return {
    subject: `[${labelOf(notice, occasion)}] ${oneLine(notice.title)} (${source})`,
    sections: [
      { heading: headings[notice.state].what, lines: notice.what.split("\n") },
      { heading: headings[notice.state].since, lines: [span(notice)] },
      { heading: "What is still safe", lines: safeLines(notice) },
      ...(notice.action === "" ? [] : [{ heading: "What to do now", lines: notice.action.split("\n") }]),
    ],
    closing: [
      `Cause ${notice.cause}, from ${source}`,
      ...(notice.runId === undefined ? [] : [`Run ${notice.runId}`]),
      ...(notice.report === undefined ? [] : [`Report ${notice.report}`]),
      ...(notice.logHead === undefined ? [] : [`Head of the store's log ${notice.logHead}`]),
    ],
  };
}

const headings = {
  firing: { what: "What failed", since: "Since" },
  resolved: { what: "What had failed", since: "From and to" },
  event: { what: "What happened", since: "When" },
} as const;

function labelOf(notice: Notice, occasion: Message["occasion"]): string {
  if (notice.state === "resolved") return "RESOLVED";
  return `${notice.severity.toUpperCase()}${occasion === "reminder" ? ", reminder" : ""}`;
}

function span({ state, since, at }: Notice): string {
  if (state === "event") return time(at);
  const age = duration(Date.parse(at) - Date.parse(since));
  return state === "firing"
    ? `${time(since)}${age === "" ? "" : ` (for ${age} now)`}`
    : `${time(since)} to ${time(at)}${age === "" ? "" : ` (${age})`}`;
}

function safeLines({ safe, databases, at }: Notice): string[] {
  const untold = databases.filter((name) => !safe.some(({ database }) => database === name));
  const lines = [
    ...safe.map((standing) => safeLine(standing, at)),
    ...untold.map((name) => `${name}: not known which backup is good`),
  ];
  return lines.length > 0 ? lines : ["Not known."];
}

function safeLine({ database, backup }: SafeBackup, now: string): string {
  if (backup === null) return `${database}: NO good backup`;
  const age = duration(Date.parse(now) - Date.parse(backup.at));
  const taken = `${database}: backup ${backup.id} of ${time(backup.at)}${age === "" ? "" : ` (${age} old)`}`;
  if (backup.proven === null) return `${taken}, not proven yet`;
  return `${taken}, ${levels[backup.proven.level]} on ${time(backup.proven.at)}`;
}

const levels = {
  checksum: "its checksums compared",
  structure: "read to its end",
  restore: "restored in a drill",
} as const;

/** `2026-11-23 03:00:12 UTC`; what is no time, as it is. */
function time(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `3 d 4 h`, `25 h`, `12 min`; empty below a minute, or where it is not known. */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (!(minutes >= 1)) return "";
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

/** At most so many characters, never half of one, with an ellipsis where something was cut. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const cut = text.slice(0, length - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}
