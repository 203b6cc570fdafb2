import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, open, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { BackupError, currentProcess, livenessOf, processIdentitySchema } from "@sutazai/backup-core";
import { docker } from "./docker.ts";
import { serverKinds, type ServerKindName } from "./kinds/server-kinds.ts";

export interface TestImage {
  readonly image: string;
  /** What it is, where it was built here because no official image could be had. */
  readonly standInIs: string | undefined;
}

const base = { official: "docker.io/library/debian:trixie-slim", standIn: "trixie" };

// Only in a checkout: the published package has no stand-ins.
const imagesFolder = fileURLToPath(new URL("../../../tests/images/", import.meta.url));
const stateFolder = join(tmpdir(), `sutazai-backup-testkit-${process.getuid?.() ?? "user"}`);

const chosen = new Map<string, Promise<TestImage>>();

/**
 * A small image with a POSIX shell, coreutils and perl, for tests of containers as such: `BACKUP_TEST_BASE_IMAGE` where it
 * is set, else chosen as `testImage` chooses.
 */
export async function testBaseImage(): Promise<string> {
  return process.env[variableOf("base")] || (await choose("base", base)).image;
}

/**
 * The image that tests start for a kind: `BACKUP_TEST_<KIND>_IMAGE` where it is set, else the pinned official image if it
 * is here or can be pulled, else a stand-in built on demand (in a checkout, as root on Debian or Ubuntu). Decided once
 * per process, said on standard error. Throws `unsupported`, saying what to do, where there is none.
 */
export function testImage(kind: ServerKindName): Promise<TestImage> {
  let choice = chosen.get(kind);
  if (choice === undefined) {
    choice = chooseAndTell(kind);
    chosen.set(kind, choice);
  }
  return choice;
}

async function chooseAndTell(kind: ServerKindName): Promise<TestImage> {
  const override = process.env[variableOf(kind)];
  if (override !== undefined && override !== "") {
    tell(`${kind}: ${override}, as ${variableOf(kind)} says`);
    return { image: override, standInIs: undefined };
  }
  const { official, standInIs = "the real server, built here from Debian packages" } = serverKinds[kind];
  const { image, standIn } = await choose(kind, serverKinds[kind]);
  const choice = { image, standInIs: standIn ? standInIs : undefined };
  tell(
    standIn
      ? `${kind}: ${image}: ${standInIs}, as ${official ?? "an official image"} cannot be had`
      : `${kind}: ${image}`,
  );
  return choice;
}

function variableOf(kind: string): string {
  return `BACKUP_TEST_${kind.toUpperCase()}_IMAGE`;
}

function tell(line: string): void {
  process.stderr.write(`test image: ${line}\n`);
}

/** Chooses between what can be pulled and what can be built. */
async function choose(
  kind: string,
  image: { official?: string; standIn: string },
): Promise<{ readonly image: string; readonly standIn: boolean }> {
  const { official, standIn } = image;
  if (official !== undefined && ((await present(official)) || (await pull(official)))) {
    return { image: official, standIn: false };
  }
  return { image: await buildStandIn(kind, standIn, official ?? `an official image of ${kind}`), standIn: true };
}

async function present(image: string): Promise<boolean> {
  const engine = await docker();
  return engine
    .getImage(image)
    .inspect()
    .then(
      () => true,
      (error: { statusCode?: number }) => {
        if (error.statusCode === 404) return false;
        throw error;
      },
    );
}

/** Pulls an image; false where its registry does not answer. That is remembered for an hour, for the other processes of a run. */
async function pull(image: string): Promise<boolean> {
  const remembered = join(stateFolder, `not-pullable-${createHash("sha256").update(image).digest("hex").slice(0, 12)}`);
  const since = await stat(remembered).catch(() => undefined);
  if (since !== undefined && Date.now() - since.mtimeMs < 3_600_000) return false;
  const engine = await docker();
  try {
    // The engine answers when the registry has: its silence must not hold up a run. The download itself takes what it takes.
    const stream = await engine.pull(image, { abortSignal: AbortSignal.timeout(20_000) });
    await finished(engine, stream);
    return true;
  } catch {
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await writeFile(remembered, "");
    return false;
  }
}

/** Builds a stand-in unless there is one of the same content. */
async function buildStandIn(kind: string, version: string, official: string): Promise<string> {
  const folder = join(imagesFolder, kind);
  if (!existsSync(folder)) throw noImage(kind, official, "there is no stand-in for it here");
  const tag = `sutazai-test/${kind}:${version}-${await hashOf(folder, kind === "base" ? "" : join(imagesFolder, "base"))}`;
  if (await present(tag)) return tag;
  await using _ = await onlyOne(kind);
  if (await present(tag)) return tag;
  if (kind === "base") {
    await importBase(folder, tag, official);
  } else {
    const from = await choose("base", base);
    tell(`building ${tag}`);
    await build(folder, tag, from.image);
  }
  return tag;
}

async function importBase(folder: string, tag: string, official: string): Promise<void> {
  if (!existsSync("/etc/debian_version") || process.getuid?.() !== 0) {
    throw noImage("base", official, "a stand-in is built only by root on Debian or Ubuntu");
  }
  tell(`building ${tag} with debootstrap`);
  const [repo, version] = tag.split(":");
  const engine = await docker();
  const script = spawn(join(folder, "build.sh"), { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  script.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-4_000);
  });
  const exit = new Promise<number>((resolve, reject) => {
    script.on("error", reject).on("close", (code) => resolve(code ?? 1));
  });
  // What a failed script wrote would be imported as an image: keep it untagged until the script has succeeded.
  const stream = await engine.importImage(script.stdout);
  const id = await finished(engine, stream);
  if ((await exit) !== 0) {
    throw new BackupError("tool-failed", `the base image could not be built: ${log}`, { operation: "testkit.image" });
  }
  await engine.getImage(id).tag({ repo: repo ?? tag, tag: version ?? "latest" });
}

/** Whom this host trusts: a Dockerfile that fetches over HTTPS may copy it into a stage that it throws away. */
const trusted = "/etc/ssl/certs/ca-certificates.crt";

async function build(folder: string, tag: string, from: string): Promise<void> {
  const engine = await docker();
  const context = await mkdtemp(join(tmpdir(), "sutazai-image-"));
  try {
    await cp(folder, context, { recursive: true });
    if (existsSync(trusted)) await copyFile(trusted, join(context, basename(trusted)));
    const stream = await engine.buildImage(
      { context, src: await readdir(context) },
      // A step that fails would leave its container behind.
      { t: tag, buildargs: { BASE: from }, version: "1", forcerm: true },
    );
    await finished(engine, stream);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** Waits for the end of a pull, build or import; resolves to the last status, rejects with the engine's error. */
function finished(engine: Awaited<ReturnType<typeof docker>>, stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    engine.modem.followProgress(stream, (error, messages: { error?: string; status?: string; stream?: string }[]) => {
      const failure = error ?? messages.find((message) => message.error !== undefined)?.error;
      if (failure === undefined || failure === null) return resolve(messages.at(-1)?.status ?? "");
      const log = messages
        .map((message) => message.stream ?? "")
        .join("")
        .slice(-4_000);
      reject(
        new BackupError("tool-failed", `the engine said: ${String(failure)}\n${log}`, { operation: "testkit.image" }),
      );
    });
  });
}

async function hashOf(...folders: string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const folder of folders.filter((name) => name !== "")) {
    for (const name of (await readdir(folder)).sort()) {
      hash.update(`${name}\0`).update(await readFile(join(folder, name)));
    }
  }
  return hash.digest("hex").slice(0, 12);
}

/** One process builds, the others wait for it: tests run in several. A lock whose holder has died is taken over. */
async function onlyOne(kind: string): Promise<AsyncDisposable> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  const path = join(stateFolder, `${kind}.lock`);
  for (;;) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(JSON.stringify(await currentProcess()));
      await file.close();
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    await sleep(500);
    const text = await readFile(path, "utf8").catch(() => "");
    const holder = processIdentitySchema.safeParse(text === "" ? undefined : JSON.parse(text));
    if (holder.success && (await livenessOf(holder.data)) === "dead") await rm(path, { force: true });
  }
}

function noImage(kind: string, official: string, why: string): BackupError {
  return new BackupError(
    "unsupported",
    `no image for ${kind}: ${official} is not here and cannot be pulled, and ${why}`,
    {
      operation: "testkit.image",
      hint: `make ${official} available (docker pull, docker load), or set ${variableOf(kind)} to an image you have`,
    },
  );
}
