// What `npm test` says of a commit is the same each time; `npm run test:full` looks for counterexamples elsewhere each time,
// and fast-check prints the seed of what it finds.
import fc from "fast-check";

if (process.env["BACKUP_TEST_FULL"] !== "1") fc.configureGlobal({ seed: 1 });
