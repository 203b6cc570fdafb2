import { newId, type StoredBackup } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { shareOf, type Coverage } from "../../src/verify/share.ts";

const backups = Array.from({ length: 500 }, (_, index) => ({
  id: newId(new Date(Date.UTC(2026, 0, 1) + index * 3_600_000)),
  database: "db",
  manifest: { artifacts: [{ stored: { bytes: 10 } }] },
})) as unknown as StoredBackup[];

test.each([1, 2, 7, 31])("the shares of %d are everything, each backup once, and about as many in each", (of) => {
  const shares = Array.from({ length: of }, (_, index) => shareOf(backups, { share: { number: index + 1, of } }));
  expect(
    shares
      .flat()
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(backups.map(({ id }) => id).toSorted());
  const most = Math.max(...shares.map(({ length }) => length));
  expect(most).toBeLessThan((500 / of) * 2 + 10);
});

test("a backup stays in its share whatever else comes and goes", () => {
  const share = { number: 3, of: 7 };
  const before = shareOf(backups, { share });
  expect(shareOf(backups.slice(100), { share })).toEqual(before.filter((backup) => backups.indexOf(backup) >= 100));
});

test("what is covered is told, of how much", () => {
  const told: Coverage[] = [];
  const chosen = shareOf(backups, { share: { number: 2, of: 5 }, onCoverage: (coverage) => told.push(coverage) });
  expect(told).toEqual([
    {
      share: { number: 2, of: 5 },
      backups: chosen.length,
      bytes: chosen.length * 10,
      allBackups: 500,
      allBytes: 5000,
    },
  ]);
});

test.each([
  [0, 7],
  [8, 7],
  [1, 0],
  [1.5, 2],
])("there is no share %d/%d", (number, of) => {
  expect(() => shareOf(backups, { share: { number, of } })).toThrow(
    expect.objectContaining({ reason: "configuration" }),
  );
});
