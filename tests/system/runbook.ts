// A runbook is walked through: its commands are run as they are printed, and must say what is printed below them.
import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { finished } from "./platform.ts";

const runbooks = new URL("../../docs/runbooks/", import.meta.url);
const main = fileURLToPath(new URL("../../apps/cli/src/main.ts", import.meta.url));

/** Commands of a runbook, and what one should see after them. */
export interface Step {
  readonly commands: string;
  /** Lines in this order, with others between them. `…` stands for anything. */
  readonly shows: readonly string[];
  readonly exitCode: number;
}

export interface TakenStep extends Step {
  readonly seconds: number;
  /** Standard output and error, as they came. */
  readonly output: string;
}

export interface Ground {
  /** A directory of the walk's own: home, working directory, programs. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What is called differently here than in the runbook: containers, directories. */
  readonly names?: Readonly<Record<string, string>>;
  /** Called after each step. */
  readonly onStep?: (step: TakenStep) => void;
}

/** Every `sh` block, with the `text` block below it. Its last line may say `(exit code 6)`; otherwise that is 0. */
export async function readRunbook(name: string): Promise<Step[]> {
  return stepsIn(await readFile(new URL(`${name}.md`, runbooks), "utf8"));
}

export function stepsIn(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  return blocks.flatMap(([, language, commands = ""], index) => {
    if (language !== "sh") return [];
    const [, next, text = ""] = blocks[index + 1] ?? [];
    const lines = next === "text" ? text.split("\n").filter((line) => !/^\s*…?\s*$/.test(line)) : [];
    const code = /^\(exit code (\d+)\)$/.exec(lines.at(-1) ?? "")?.[1];
    return [{ commands, shows: code === undefined ? lines : lines.slice(0, -1), exitCode: Number(code ?? 0) }];
  });
}

/**
 * Takes each step in one shell that goes on from where the one before ended. Ids in commands are those that stood in the output where the runbook
 * has its own. Throws at the first step that ends or speaks differently, with all that it said.
 */
export async function walk(steps: readonly Step[], ground: Ground): Promise<TakenStep[]> {
  const shell = await makeShell(ground);
  const ids = new Map<string, string>();
  const taken: TakenStep[] = [];
  for (const step of steps) {
    const commands = replaced(step.commands, [...Object.entries(ground.names ?? {}), ...ids]);
    const started = performance.now();
    const { code, stdout } = await finished(
      spawn("bash", [shell, commands], { env: { ...process.env, ...ground.environment } }),
    );
    const output = replaced(
      stdout,
      Object.entries(ground.names ?? {}).map(([here, there]) => [there, here]),
    );
    const done = { ...step, output, seconds: (performance.now() - started) / 1000 };
    ground.onStep?.(done);
    const missing = firstMissing(step.shows, output, ids);
    if (code !== step.exitCode || missing !== undefined) {
      const what = missing === undefined ? `ended with ${code}, not ${step.exitCode}` : `does not say: ${missing}`;
      throw new Error(`${step.commands}${what}\n\n${output}`);
    }
    taken.push(done);
  }
  return taken;
}

/** The first of the lines that does not come in its turn; notes which ids stand where the lines have theirs. */
export function firstMissing(lines: readonly string[], output: string, ids: Map<string, string>): string | undefined {
  const rest = output.split("\n");
  for (const line of lines) {
    const pieces = alike(line)
      .split("…")
      .map((piece) => piece.trim());
    const at = rest.findIndex((candidate) => holdsInOrder(alike(candidate), pieces));
    if (at === -1) return line;
    const found = rest[at]?.match(id) ?? [];
    for (const [index, written] of (line.match(id) ?? []).entries()) ids.set(written, found[index] ?? written);
    rest.splice(0, at + 1);
  }
  return undefined;
}

const id = /\d{8}T\d{6}\.\d{3}Z-[0-9a-z]{6}/g;

/** What differs from run to run is made alike: ids, moments, durations, sizes, numbers, and the blanks of tables. */
function alike(line: string): string {
  return line
    .replaceAll(id, "ID")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d\d:\d\d:\d\d(\.\d+)?/g, "MOMENT")
    .replaceAll(/\b(?:\d+(?:\.\d+)? (?:ms|s|min|h|d)\b ?)+/g, "DURATION ")
    .replaceAll(/\b\d+(?:\.\d+)? (?:[KMGT]iB|B)\b/g, "SIZE")
    .replaceAll(/\d+(?:\.\d+)*/g, "N")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function holdsInOrder(text: string, pieces: readonly string[]): boolean {
  let from = 0;
  return pieces.every((piece) => {
    const at = text.indexOf(piece, from);
    from = at + piece.length;
    return at !== -1;
  });
}

function replaced(text: string, pairs: Iterable<readonly [string, string]>): string {
  // The longer first, as one may begin like another.
  const longestFirst = [...pairs].sort(([a], [b]) => b.length - a.length);
  return longestFirst.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** A program that runs its argument where the last one ended: same directory, same variables. `sutazai-backup` is that of this checkout. */
async function makeShell({ directory }: Ground): Promise<string> {
  const programs = join(directory, "bin");
  await mkdir(programs, { recursive: true });
  const cli = join(programs, "sutazai-backup");
  await writeFile(cli, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(cli, 0o755);
  const shell = join(directory, "shell");
  const state = join(directory, "shell-state");
  await writeFile(state, `cd '${directory}'; export HOME='${directory}' PATH='${programs}':"$PATH"\n`);
  await writeFile(
    shell,
    `exec 2>&1\n. '${state}'\ntrap 'code=$?; { export -p; printf "cd %q\\n" "$PWD"; } > "${state}"; exit $code' EXIT\nset -e -o pipefail\neval "$1"\n`,
  );
  return shell;
}
