import { defineConfig } from "vitest/config";

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

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: everywhere("**/*.test.ts"),
          exclude: everywhere("real/**"),
        },
      },
      {
        test: {
          name: "real",
          include: everywhere("real/**/*.test.ts"),
          globalSetup: "packages/testkit/test/base-image.ts",
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          retry,
        },
      },
      {
        test: {
          name: "system",
          include: ["tests/system/*.test.ts", ...(full ? ["tests/system/full/*.test.ts"] : [])],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
          retry,
        },
      },
    ],
  },
});
