import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { fedScript, unattendedScript } from "../src/sidecar-script.ts";

const shells = [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "ash"], ["sh"]].filter(
  ([program = ""]) => spawnSync(program, ["--help"]).error === undefined,
);

// As in a container, where the end of process 1 ends every other: here its process group is ended for it.
async function run(shell: readonly string[], script: string, command: readonly string[], input: string | undefined) {
  const [program = "", ...options] = shell;
  const child = spawn(program, [...options, "-c", script, "tool", ...command], { detached: true });
  const [output, errors] = [collect(child, "stdout"), collect(child, "stderr")];
  if (input !== undefined) child.stdin.end(input);
  const [code] = (await once(child, "exit")) as [number | null];
  try {
    process.kill(-(child.pid ?? 0), "SIGKILL");
  } catch {
    // Nothing is left of it.
  }
  return { code, stdout: await output, stderr: await errors };
}

async function collect(child: ChildProcess, stream: "stdout" | "stderr"): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of child[stream] ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test("there is a shell to test with", () => {
  expect(shells.length).toBeGreaterThan(0);
});

describe.each(shells.map((shell) => [shell.join(" "), shell] as const))("in %s", (_, shell) => {
  test("the exit code is the tool's own", async () => {
    const command = ["sh", "-c", "echo out; echo err >&2; exit 7"];
    expect(await run(shell, unattendedScript, command, undefined)).toMatchObject({
      code: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    expect(await run(shell, unattendedScript, ["true"], undefined)).toMatchObject({ code: 0 });
    expect(await run(shell, unattendedScript, ["sh", "-c", "kill -9 $$"], undefined)).toMatchObject({ code: 137 });
    expect(await run(shell, unattendedScript, ["no-such-tool"], undefined)).toMatchObject({ code: 127 });
    expect(await run(shell, fedScript, ["sh", "-c", "cat; exit 3"], "a\nb")).toMatchObject({ code: 3, stdout: "a\nb" });
  });

  test("arguments arrive as they are", async () => {
    const strange = ["a b", "'\"$HOME", "*", "-n", "new\nline", ""];
    const { stdout } = await run(shell, unattendedScript, ["printf", "<%s>", ...strange], undefined);
    expect(stdout).toBe(strange.map((argument) => `<${argument}>`).join(""));
  });

  test("an unattended tool reads nothing, and ends with its switch", async () => {
    expect(await run(shell, unattendedScript, ["cat"], undefined)).toMatchObject({ code: 0, stdout: "" });
    expect(await run(shell, unattendedScript, ["sleep", "600"], "")).toMatchObject({ code: 143 });
  });

  test("output that cannot be passed on is no success", async () => {
    const script = unattendedScript.replace("4>&1", "4>/dev/full");
    const { code, stderr } = await run(shell, script, ["sh", "-c", "echo lost; exit 0"], undefined);
    expect({ code, stderr }).toMatchObject({ code: 74, stderr: expect.stringContaining("could not be passed on") });
  });

  test("a megabyte passes whole", async () => {
    const { stdout } = await run(shell, fedScript, ["cat"], "x".repeat(1_000_000));
    expect(stdout.length).toBe(1_000_000);
  });
});
