import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

// Three projects, by what they need: `unit` nothing, `real` Docker and one database, `system` Docker and all of them.
const everywhere = (folder: string) => [
  `packages/*/test/${folder}`,
  `packages/adapters/*/test/${folder}`,
  `apps/*/test/${folder}`,
];

// `npm run test:full` adds what takes too long for every change.
const full = process.env["BACKUP_TEST_FULL"] === "1";

// Real servers, one daemon and two busy cores: a test that needs a second try is told by the reporter, and owed a look.
const retry = 1;

/** Vitest begins with the largest files; these are short and take long: begun last, one worker would do nothing in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number =>
      ["neo4j", "conformance"].filter((word) => moduleId.includes(word)).length;
    return (await super.sort(files)).toSorted((a, b) => rank(b) - rank(a));
  }
}

// Two at a time: each waits for its servers half of its time.
const onServers = { maxWorkers: 2, retry, hookTimeout: 900_000 };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "unit",
          include: everywhere("**/*.test.ts"),
          exclude: everywhere("real/**"),
          setupFiles: "packages/testkit/test/one-seed.ts",
          // Some compute for seconds; none is about time.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: "real",
          include: everywhere("real/**/*.test.ts"),
          globalSetup: "packages/testkit/test/base-image.ts",
          // Against what hangs: on a busy machine a drill of Neo4j alone takes minutes.
          testTimeout: 420_000,
          ...onServers,
        },
      },
      {
        test: {
          name: "system",
          include: ["tests/{faults,system}/*.test.ts", ...(full ? ["tests/{faults,system}/full/*.test.ts"] : [])],
          testTimeout: 600_000,
          ...onServers,
        },
      },
    ],
  },
});
