// What every script here does: say a step in one line, run a program, wait for its end. Plain Node 20, no dependencies.
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

// The tools of the checkout come first, its own Node among them: what runs by name runs on the pinned versions. The programs that
// tests start by the hundred load a thousand modules each: compiled once, they are there in half the time.
const environment = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter),
  NODE_COMPILE_CACHE: join(root, ".cache", "compile"),
};

/** The pinned package manager, for `npx -y`. */
export const pnpm = "pnpm@12.21.0";

export function say(line) {
  console.log(`• ${line}`);
}

/** Ends the process with what is wrong and what to do about it. */
export function giveUp(problem, advice) {
  console.error(`✗ ${problem}\n  ${advice}`);
  process.exit(1);
}

let interrupted = false;
// Ctrl-C reaches the program that runs as well; it is waited for, so that it can clear away what it had begun.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    interrupted = true;
    if (signal === "SIGTERM") for (const child of running) child.kill(signal);
  });
}
const running = new Set();

/** Runs a program to its end; its exit code. */
export async function run(command, args, env = {}) {
  const { code } = await finish(command, args, { cwd: root, stdio: "inherit", env: { ...environment, ...env } });
  return code;
}

/** Runs a program to its end; its exit code, and what it printed. */
export function capture(command, args, env = {}, cwd = root) {
  return finish(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], env: { ...environment, ...env } });
}

/** Whether a program is there and succeeds. */
export async function succeeds(command, args) {
  return (await capture(command, args)).code === 0;
}

function finish(command, args, options) {
  return new Promise((resolve) => {
    const child = spawn(command, args, options);
    running.add(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    const end = (code) => {
      running.delete(child);
      if (interrupted) process.exit(130);
      resolve({ code, output });
    };
    child.on("error", (error) => {
      output += `${error.message}\n`;
      end(127);
    });
    child.on("close", (code) => end(code ?? 1));
  });
}
