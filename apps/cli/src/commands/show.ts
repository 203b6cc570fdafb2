import { formatBytes, formatDuration, pinOf, standingOf, table, type Pin } from "@sutazai/backup-sdk";
import type { Manifest } from "@sutazai/backup-core";
import { exitCode } from "../exit-codes.ts";
import { formatStanding } from "../printers/standing.ts";
import type { Verb } from "../verb.ts";
import { runVerb } from "../session.ts";

export const showCommand: Verb<{ readonly id: string }> = {
  command: "show <id>",
  describe: "Show what one backup holds and what has been proven of it",
  builder: (parser) => parser.positional("id", { type: "string", demandOption: true, describe: "Backup" }),
  run: (args) =>
    runVerb(args, { storeOnly: true, onlyLooks: true }, async ({ system, printer }) => {
      const { manifest, annotations } = await system.show(args.id);
      printer.result("backup", { manifest, annotations, ...standingOf(annotations) }, () =>
        [
          formatManifest(manifest),
          `proven: ${formatStanding(standingOf(annotations))}`,
          ...formatPin(pinOf(annotations)),
          ...annotations.map(({ kind, at, value }) => `${kind} ${at}: ${summary(value)}`),
        ].join("\n"),
      );
      return exitCode.ok;
    }),
};

function formatManifest(manifest: Manifest): string {
  const { id, database, kind, status, purpose, sequence, startedAt, endedAt, serverVersion, madeBy } = manifest;
  return [
    `${id}: ${purpose} ${sequence} of ${database} (${kind} ${serverVersion}), ${status}`,
    `made from ${startedAt} to ${endedAt} by ${madeBy}`,
    ...(manifest.container === null
      ? []
      : [`container ${manifest.container.name}, image ${manifest.container.image} (${manifest.container.imageId})`]),
    ...manifest.incomplete.map((reason) => `incomplete: ${reason}`),
    ...manifest.warnings.map((warning) => `warning: ${warning}`),
    ...manifest.forms.flatMap(({ name, method, capture, pausedMs, fingerprint, notCovered }) => [
      `form ${name} by ${method}, captured ${capture.from === capture.to ? capture.from : `between ${capture.from} and ${capture.to}`}${pausedMs === 0 ? "" : `, the service held for ${formatDuration(pausedMs)}`}`,
      ...Object.entries(fingerprint).map(
        ([fact, value]) =>
          `  ${fact} = ${JSON.stringify(Object.values(value)[0])}${"exact" in value ? "" : ` (${Object.keys(value)[0]})`}`,
      ),
      ...notCovered.map((what) => `  does not hold: ${what}`),
    ]),
    table(
      ["artifact", "content", "stored", "file"],
      manifest.artifacts.map(({ name, plain, stored, file }) => [
        name,
        formatBytes(plain.bytes),
        formatBytes(stored.bytes),
        file,
      ]),
    ),
  ].join("\n");
}

function formatPin(pin: Pin | undefined): string[] {
  return pin === undefined ? [] : [`pinned since ${pin.at}: ${pin.reason}`];
}

function summary(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
