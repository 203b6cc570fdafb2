// A restore that is killed at any of its moments ends as before or as restored: seeded, many on fast servers, a few on slow ones.
import { Random, type ServerKindName } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FaultBench } from "../bench.ts";
import { faults } from "../faults.ts";
import { momentsOf, tryFault } from "../run-faults.ts";

const seed = Number(process.env["BACKUP_TEST_SEED"] ?? 1);
// With those of the database in memory (packages/sdk/test/faults), far more than 200.
const crashes: Readonly<Partial<Record<ServerKindName, number>>> = {
  redis: 70,
  faiss: 70,
  postgres: 5,
  neo4j: 5,
  qdrant: 5,
  chromadb: 5,
};
const [kill] = faults;

describe.each(Object.entries(crashes) as [ServerKindName, number][])("%s, killed %i times", (kind, count) => {
  let bench: FaultBench;
  let moments: number;
  beforeAll(async () => {
    bench = await FaultBench.make([kind]);
    moments = (await momentsOf(bench, "restore", kind)).length;
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  const random = new Random(seed);
  const places = Array.from({ length: count }, () => random.below(10_000) / 10_000);
  test.each(places)("after %f of its moments", async (place) => {
    if (kill === undefined) throw new Error("no fault");
    const finding = await tryFault(bench, kill, { operation: "restore", kind, at: Math.floor(place * moments) });
    expect(finding.wrong, JSON.stringify(finding)).toEqual([]);
    expect(["as before", "as restored"]).toContain(finding.outcome.split(", ").at(-1));
  });
});
