// Checks the packages as their users get them: built, packed, read by publint and attw, installed together into an
// empty folder, imported and type-checked there.
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { capture, pnpm, root } from "./steps.mjs";

const typesOfUser = {
  compilerOptions: { target: "es2024", module: "nodenext", strict: true, noEmit: true, skipLibCheck: true, types: [] },
  files: ["index.ts"],
};

// Importing it starts no reader of SQLite: this one opens a file that has none of Chroma's tables, and says so.
const readsCopyOfChroma = `
  import { readFileSync } from "node:fs";
  import { DatabaseSync } from "node:sqlite";
  import { chromadbAdapter } from "@sutazai/backup-chromadb";
  import { writeTar } from "@sutazai/backup-formats";
  const database = new DatabaseSync("empty.sqlite3");
  database.exec("CREATE TABLE t (a)");
  database.close();
  const bytes = readFileSync("empty.sqlite3");
  const content = (async function* () { yield bytes; })();
  const entry = { name: "chroma.sqlite3", type: "file", size: bytes.length, mode: 0o600, content };
  const signal = new AbortController().signal;
  const read = chromadbAdapter({ url: "http://localhost:8000" }).inspectArtifact("data.tar", writeTar([entry]), { details: null, signal });
  const said = await read.then(() => "read", ({ reason, message }) => reason + ": " + message);
  if (!/^corrupt: .* lacks collections/.test(said)) throw new Error(said);
`;

const problems = [];
const work = await mkdtemp(join(tmpdir(), "packages-"));
try {
  const packages = await findPackages();
  // Whatever an earlier build left would be packed as well.
  for (const { folder } of packages) await rm(join(folder, "dist"), { recursive: true, force: true });
  await mustSucceed("npx", ["-y", pnpm, "exec", "turbo", "run", "build", "--output-logs=errors-only"]);
  await mustSucceed("tsc", ["-b"]);
  for (const one of packages) checkFolder(one);
  const tarballs = await pack(packages);
  for (const one of packages) await checkTarball(one, tarballs.get(one.name));
  await checkAsUser(packages, tarballs);
} catch (error) {
  problems.push(error.message);
} finally {
  await rm(work, { recursive: true, force: true });
}
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Every published package of the workspace: its folder and manifest. */
async function findPackages() {
  const parents = ["packages", "packages/adapters", "apps"];
  const folders = (
    await Promise.all(
      parents.map(async (parent) => (await readdir(join(root, parent))).map((name) => join(root, parent, name))),
    )
  ).flat();
  return folders
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter((manifest) => manifest.private !== true);
}

/** What a package must have to be understood and trusted. */
function checkFolder({ name, folder, bin }) {
  const program = bin === undefined ? "src/index.ts" : "src/main.ts";
  for (const file of ["README.md", program, "test", "tsconfig.json", "tsup.config.ts"]) {
    if (!existsSync(join(folder, file))) problems.push(`${name}: ${file} is missing`);
  }
}

async function pack(packages) {
  const filters = packages.flatMap(({ name }) => ["--filter", name]);
  await mustSucceed("npx", ["-y", pnpm, "-r", ...filters, "pack", "--pack-destination", work]);
  return new Map(
    packages.map(({ name, version }) => [name, join(work, `${name.slice(1).replace("/", "-")}-${version}.tgz`)]),
  );
}

async function checkTarball({ name, bin }, tarball) {
  const folder = join(work, "unpacked", basename(tarball));
  await mkdir(folder, { recursive: true });
  await mustSucceed("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"]);
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = await readdir(folder, { recursive: true });

  for (const file of ["README.md", "LICENSE"]) {
    if (!files.includes(file)) problems.push(`${name}: ${file} is not in the tarball`);
  }
  for (const file of files.filter((path) => /(^|\/)(src|test|node_modules)(\/|$)|tsbuildinfo$/.test(path))) {
    problems.push(`${name}: ${file} does not belong in the tarball`);
  }
  for (const path of namedFiles([manifest.exports, manifest.bin])) {
    if (!path.startsWith("./dist/")) problems.push(`${name}: ${path} is offered, and is not in dist`);
    else if (!existsSync(join(folder, path))) problems.push(`${name}: ${path} is offered, and is not in the tarball`);
  }
  const ranges = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
  for (const [dependency, range] of Object.entries(ranges)) {
    if (range.startsWith("workspace:")) problems.push(`${name}: ${dependency} is asked for as ${range}`);
  }

  await check(`${name}: publint`, "publint", ["run", tarball, "--strict"]);
  // A program has no types to get wrong.
  if (bin === undefined) await check(`${name}: attw`, "attw", [tarball, "--profile", "esm-only"]);
}

/** The paths in an `exports` or `bin` field. */
function namedFiles(field) {
  if (field === undefined) return [];
  return typeof field === "string" ? [field] : Object.values(field).flatMap(namedFiles);
}

/** Installs the tarballs together, away from the workspace, then imports each and compiles against it. */
async function checkAsUser(packages, tarballs) {
  const folder = join(work, "user");
  await mkdir(folder);
  const local = Object.fromEntries([...tarballs].map(([name, tarball]) => [name, `file:${tarball}`]));
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, type: "module", dependencies: local }));
  // Their dependencies on each other are these tarballs too, and none of their dependencies needs to be built.
  await writeFile(join(folder, "pnpm-workspace.yaml"), JSON.stringify({ overrides: local, strictDepBuilds: false }));
  const install = ["-y", pnpm, "install", "--dir", folder, "--prefer-offline", "--ignore-scripts"];
  if (!(await check("the tarballs could not be installed together", "npx", install))) return;

  const libraries = packages.filter(({ bin }) => bin === undefined);
  for (const { name } of libraries) {
    const code = `if (Object.keys(await import("${name}")).length === 0) throw new Error("exports nothing")`;
    await check(`${name}: import`, "node", ["--input-type=module", "--eval", code], folder);
  }
  for (const { name, bin } of packages.filter((one) => one.bin !== undefined)) {
    for (const program of Object.keys(bin)) {
      await check(`${name}: ${program} --help`, join(folder, "node_modules", ".bin", program), ["--help"], folder);
    }
  }
  await check(
    "what runs in a process of its own",
    "node",
    ["--input-type=module", "--eval", readsCopyOfChroma],
    folder,
  );

  // Types that were not found would be `any`, and every program right: this one is wrong in one place for each package.
  const source = libraries.map(
    ({ name }, index) => `import * as p${index} from "${name}";\nexport const e${index}: never = p${index};\n`,
  );
  await writeFile(join(folder, "index.ts"), source.join(""));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(typesOfUser));
  const { output } = await capture("tsc", ["-p", folder], {});
  const found = output.split("\n").filter((line) => line.includes("error TS"));
  const expected = found.filter((line) => /index\.ts\(.*error TS2322: Type 'typeof import/.test(line));
  if (expected.length !== libraries.length || found.length !== expected.length) {
    problems.push(`types: expected one error for each of ${libraries.length} packages, found:\n${output}`);
  }
}

async function check(what, command, args, cwd) {
  const { code, output } = await capture(command, args, {}, cwd);
  if (code !== 0) problems.push(`${what}\n${output}`);
  return code === 0;
}

async function mustSucceed(command, args) {
  const { code, output } = await capture(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${output}`);
}
