import type { Annotation } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { standingOf } from "../src/index.ts";

/** `+structure` passed, `-restore` failed; numbered by their place in time. */
const annotations = (...looks: string[]): Annotation[] =>
  looks.map((look, index) => ({
    kind: "verification",
    at: `2026-11-2${index}T00:00:00Z`,
    value: { level: look.slice(1), ok: look.startsWith("+") },
  }));

test.each([
  [[], undefined, undefined],
  [["+structure"], "structure", undefined],
  [["+structure", "+restore", "+checksum"], "restore", undefined],
  [["+structure", "-restore"], undefined, "restore"],
  // Reading it cannot take back what restoring it has shown.
  [["+structure", "-restore", "+checksum", "+structure"], undefined, "restore"],
  [["-restore", "+restore"], "restore", undefined],
  // The disk gave the right bytes after all: what was proven of them before holds.
  [["+restore", "-checksum", "+checksum"], "restore", undefined],
  [["+restore", "-checksum"], undefined, "checksum"],
  [["-checksum", "-structure", "+checksum"], undefined, "structure"],
  [["-checksum", "+structure"], "structure", undefined],
] as const)("%j", (looks, proven, damage) => {
  const standing = standingOf(annotations(...looks));
  expect([standing.proven?.level, standing.damage?.level]).toEqual([proven, damage]);
});

test("it tells when, and passes over what is no verification", () => {
  const others: Annotation[] = [
    { kind: "pin", at: "2026-12-01T00:00:00Z", value: { level: "restore", ok: true } },
    { kind: "verification", at: "2026-12-02T00:00:00Z", value: null },
    { kind: "verification", at: "2026-12-02T00:00:00Z", value: { level: "weather", ok: true } },
    { kind: "verification", at: "2026-12-02T00:00:00Z", value: { level: "restore", ok: "yes" } },
  ];
  expect(standingOf([...annotations("+checksum", "+structure"), ...others])).toEqual({
    proven: { level: "structure", at: "2026-11-21T00:00:00Z" },
    damage: undefined,
  });
});
