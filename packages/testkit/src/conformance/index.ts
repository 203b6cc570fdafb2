import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { attacks } from "./attacks.ts";
import { damage } from "./damage.ts";
import { drills } from "./drills.ts";
import { failingSteps } from "./failing-steps.ts";
import { interruptions } from "./interruptions.ts";
import { refusals } from "./refusals.ts";
import { roundTrips } from "./round-trips.ts";
import { nowhere, Workbench, type AdapterUnderTest, type Depth, type ReachableServer } from "./workbench.ts";

export { chromadbContent } from "../content/chromadb.ts";
export { faissContent } from "../content/faiss.ts";
export { neo4jContent } from "../content/neo4j.ts";
export { postgresContent } from "../content/postgres.ts";
export { qdrantContent } from "../content/qdrant.ts";
export { redisContent } from "../content/redis.ts";
export type { SampleContent } from "../content/sample-content.ts";
export type { AdapterUnderTest, ReachableServer };

const full = process.env["BACKUP_TEST_FULL"] === "1";

/**
 * Registers the tests that every adapter has to pass, on a real server. What is tested follows from the capabilities that the
 * adapter declares. After each test the server must be as it should be, and nothing left: containers, networks, volumes,
 * temporary files, processes, journal records, turned settings; and at the end no secret may have been seen anywhere.
 *
 * ```ts
 * adapterConformance({
 *   start: () => startServer("redis"),
 *   adapter: ({ name, password }) => redisAdapter({ container: name, password }),
 *   content: redisContent(),
 * });
 * ```
 */
export function adapterConformance(test: AdapterUnderTest): void {
  const adapter = test.adapter(nowhere);
  const { name, capabilities } = adapter;
  describe(`${test.title ?? name} keeps the contract of adapters`, () => {
    let bench: Workbench | undefined;
    const use = () => {
      if (bench === undefined) throw new Error("the server was never started");
      return bench;
    };
    beforeAll(async () => {
      bench = await Workbench.open(test);
    });
    afterAll(async () => {
      await bench?.[Symbol.asyncDispose]();
    });
    afterEach(async () => {
      await use().recover();
      expect(await use().leftovers()).toEqual([]);
      expect(use().secretsSeen()).toEqual([]);
    });

    const depth: Depth = { brief: (test.slow ?? false) && !full, full };
    describe("round trips", () => {
      roundTrips(use, capabilities, depth);
    });
    describe.runIf("drill" in adapter)("drills", () => {
      drills(use);
    });
    describe("damage", () => {
      damage(use);
    });
    describe("failing steps", () => {
      failingSteps(use, capabilities, depth);
    });
    if (test.variant === true && !full) return;
    describe("refusals", () => {
      refusals(use, capabilities, { authenticates: test.authenticates ?? true });
    });
    describe("attacks", () => {
      attacks(use, depth);
    });
    describe("interruptions", () => {
      interruptions(use, capabilities, depth);
    });
  });
}
