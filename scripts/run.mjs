// `npm run demo`, `npm test` and `npm run test:full` in a bare checkout: gets what is missing, then does the work on
// the Node of the checkout. Plain Node 20, no dependencies; can be run again at any time.
import { ensureDocker } from "./docker.mjs";
import { capture, giveUp, pnpm, run, say } from "./steps.mjs";
import { test, testFull } from "./tests.mjs";

const works = {
  demo: () => run("node", ["examples/demo.ts", ...process.argv.slice(3)]),
  test,
  "test:full": testFull,
};

const work = works[process.argv[2]];
if (work === undefined) giveUp("what is to be run?", `One of: ${Object.keys(works).join(", ")}`);

const [major] = process.versions.node.split(".");
if (Number(major) < 20)
  giveUp(`this is Node ${process.versions.node}`, "Node 20 or newer is needed: https://nodejs.org");

await ensureDocker();
say(`installing packages (${pnpm} install)`);
const { code, output } = await capture("npx", ["-y", pnpm, "install", "--frozen-lockfile"]);
if (code !== 0) giveUp("the packages could not be installed", output);

process.exitCode = await work();
