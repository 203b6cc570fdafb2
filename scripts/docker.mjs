// Sees to it that a Docker engine can be reached. Installs one only where nothing can be disturbed by it.
import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { capture, giveUp, run, say, succeeds } from "./steps.mjs";

const log = "/var/log/dockerd.log";

export async function ensureDocker() {
  if (await answers()) return;
  const { DOCKER_HOST: host } = process.env;
  if (host !== undefined)
    giveUp(`the Docker engine at ${host} does not answer`, "DOCKER_HOST names it: start it there, or unset it.");
  const isRoot = process.getuid?.() === 0;
  const has = async (program) => succeeds("sh", ["-c", `command -v ${program}`]);

  if (!(await has("dockerd"))) {
    // A client alone starts no containers; of a context of its own it was told where the engine is.
    const { code, output } = await capture("docker", ["context", "show"]);
    const canInstall = isRoot && existsSync("/etc/debian_version");
    if (code !== 127 && !(canInstall && output.trim() === "default"))
      giveUp("no Docker engine can be reached", adviceFor("docker"));
    for (const other of ["podman", "containerd"]) {
      if (await has(other)) giveUp("no Docker engine can be reached", adviceFor(other));
    }
    if (!canInstall) giveUp("no Docker engine is installed", adviceFor("nothing"));
    await install();
    if (await answers()) return;
  } else if (!isRoot) {
    giveUp("no Docker engine can be reached", adviceFor("docker"));
  }
  await start();
}

function adviceFor(found) {
  return {
    docker:
      "Start it (`sudo systemctl start docker`, or Docker Desktop), and see that you may use it: `docker info` must work. DOCKER_HOST is respected.",
    podman:
      "Podman is here: switch on its Docker interface (`systemctl enable --now podman.socket`) and set DOCKER_HOST to its socket (unix:///run/podman/podman.sock).",
    containerd: "containerd is here: install the Docker engine beside it, which is left to you as it may be in use.",
    nothing:
      "Install one (https://docs.docker.com/engine/install/), start it, and run this again. Only Docker and Node 20 are needed.",
  }[found];
}

/** Whether an engine answers: asked through the client, or at the socket where there is no client. */
async function answers() {
  const { code } = await capture("docker", ["info"]);
  if (code !== 127) return code === 0;
  const host = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";
  if (!host.startsWith("unix://")) return false;
  return new Promise((resolve) => {
    request({ socketPath: host.slice("unix://".length), path: "/_ping" }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on("error", () => resolve(false))
      .end();
  });
}

async function install() {
  if (process.stdin.isTTY) {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question("No container engine is installed. Install Docker with apt-get now? [Y/n] ");
    terminal.close();
    if (/^n/i.test(answer.trim())) giveUp("no Docker engine is installed", adviceFor("nothing"));
  }
  say("installing Docker (apt-get install docker.io), as no container engine is here");
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-q"], quiet);
  const code = await run("apt-get", ["install", "-y", "-q", "docker.io"], quiet);
  if (code !== 0)
    giveUp("Docker could not be installed", "What apt-get says above tells why; `npm test` can be run again.");
}

/**
 * A daemon that was killed leaves its pid file; where that pid is in use again, by anything, Docker takes the dead for alive
 * and refuses to start.
 */
function forgetDeadDaemons() {
  for (const [file, name] of [
    ["/var/run/docker.pid", "dockerd"],
    ["/var/run/docker/containerd/containerd.pid", "containerd"],
  ]) {
    if (!existsSync(file)) continue;
    const process = `/proc/${readFileSync(file, "utf8").trim()}/comm`;
    if (!existsSync(process) || readFileSync(process, "utf8").trim() !== name) rmSync(file);
  }
}

async function start() {
  if (existsSync("/run/systemd/system")) {
    say("starting Docker (systemctl start docker)");
    await run("systemctl", ["start", "docker"]);
  } else {
    say(`starting Docker (dockerd, log in ${log}); it keeps running afterwards`);
    forgetDeadDaemons();
    const output = openSync(log, "a");
    const daemon = spawn("dockerd", [], { detached: true, stdio: ["ignore", output, output] });
    daemon.on("error", () => undefined);
    daemon.unref();
  }
  for (let attempt = 0; attempt < 240; attempt += 1) {
    if (await answers()) return;
    await sleep(500);
  }
  giveUp("Docker was started but does not answer", `Look into ${log}, or \`journalctl -u docker\`.`);
}
