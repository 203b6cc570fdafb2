// The HTML report in a browser: on a phone, in the dark, on paper. What only a layout engine can tell.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { masterReport, type ReportFacts } from "@sutazai/backup-reporter";
import { formatMasterHtml } from "@sutazai/backup-reporter/html";
import { testBaseImage } from "@sutazai/backup-testkit";
import { expect, test } from "vitest";
import { platform } from "../../../packages/reporter/test/platform.ts";

const docker = (...args: string[]) => promisify(execFile)("docker", args, { maxBuffer: 16 * 1024 * 1024 });

/** A platform as it is, but for a name that is longer than any screen is wide. */
function withLongName(): ReportFacts {
  const given = JSON.stringify(platform());
  return JSON.parse(given.replaceAll('"qdrant"', `"${"qdrant-".repeat(40)}"`)) as ReportFacts;
}

test("nothing is wider than a phone, dark is dark, and paper shows what is folded", async () => {
  const directory = await mkdtemp(join(tmpdir(), "report-page-"));
  await chmod(directory, 0o755);
  await writeFile(join(directory, "report.html"), formatMasterHtml(masterReport(withLongName())));
  const name = `sutazai-browser-${randomBytes(4).toString("hex")}`;
  const port = await freePort();
  const options = `--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir=/tmp/browser
    --remote-allow-origins=* --remote-debugging-port=${port}`;
  const script = `apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation
    exec chromium ${options.replaceAll(/\s+/g, " ")} about:blank`;
  const run = ["--detach", "--network", "host", "--name", name, "--volume", `${directory}:/report:ro`];
  await docker("run", ...run, await testBaseImage(), "sh", "-c", script);
  try {
    await using browser = await openPage(port, "file:///report/report.html");
    await browser.ask("Emulation.setDeviceMetricsOverride", {
      width: 390,
      height: 844,
      deviceScaleFactor: 1,
      mobile: true,
    });
    expect(await browser.evaluate("document.documentElement.scrollWidth")).toBe(390);
    const ground = "getComputedStyle(document.body).backgroundColor";
    const tables =
      "[...document.querySelectorAll('table')].map((table) => table.checkVisibility({ contentVisibilityAuto: true }) && table.getBoundingClientRect().height > 0)";
    const grounds = [];
    for (const value of ["light", "dark"]) {
      await browser.ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
      grounds.push(await browser.evaluate(ground));
    }
    expect(grounds).toEqual(["rgb(244, 246, 248)", "rgb(14, 20, 26)"]);
    const shown = (await browser.evaluate(tables)) as boolean[];
    // What did not go well is not folded; the rest is, until it is printed.
    expect(await browser.evaluate("document.querySelector('.troubles').checkVisibility()")).toBe(true);
    expect(shown).toEqual(shown.map(() => false));
    expect(shown.length).toBeGreaterThan(3);
    await browser.ask("Emulation.setEmulatedMedia", { media: "print" });
    expect(await browser.evaluate(tables)).toEqual(shown.map(() => true));
  } catch (error) {
    const { stdout, stderr } = await docker("logs", "--tail", "30", name);
    throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error });
  } finally {
    await docker("rm", "--force", "--volumes", name);
    await rm(directory, { recursive: true });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Page extends AsyncDisposable {
  ask(method: string, params: object): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
}

/** Opens a page in the browser whose debugger answers at a port, once it does. */
async function openPage(port: number, url: string): Promise<Page> {
  const open = () => fetch(`http://127.0.0.1:${port}/json/new?${url}`, { method: "PUT" });
  await expect
    .poll(
      () =>
        open().then(
          ({ ok }) => ok,
          () => false,
        ),
      { timeout: 400_000, interval: 1000 },
    )
    .toBe(true);
  const { webSocketDebuggerUrl } = (await (await open()).json()) as { readonly webSocketDebuggerUrl: string };
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  let count = 0;
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: unknown };
    if (id !== undefined) waiting.get(id)?.(error ?? result);
  });
  const ask: Page["ask"] = (method, params) =>
    new Promise((resolve) => {
      count += 1;
      waiting.set(count, resolve);
      socket.send(JSON.stringify({ id: count, method, params }));
    });
  const evaluate: Page["evaluate"] = async (expression) => {
    const answer = (await ask("Runtime.evaluate", { expression, returnByValue: true })) as {
      readonly result?: { readonly value?: unknown };
    };
    return answer.result?.value ?? answer;
  };
  await expect
    .poll(() => evaluate("document.readyState + document.title"), { timeout: 60_000 })
    .toMatch(/^completeBackups/);
  return {
    ask,
    evaluate,
    [Symbol.asyncDispose]: async () => socket.close(),
  };
}
