import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { BackupError, isBackupError, Secret } from "@sutazai/backup-core";
import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
  type WaitStrategy,
} from "testcontainers";
import { docker, ignoringAbsence, removeLeftovers, testLabels, testRun, type Docker } from "./docker.ts";
import { testImage } from "./images.ts";
import type { ServerAddress } from "./kinds/server-kind.ts";
import { serverKinds, type ServerKindName } from "./kinds/server-kinds.ts";

export interface ServerOptions {
  /** The container's name; one that says what it is unless given. */
  readonly name?: string;
  /** Appended to the server's own command: `["--appendonly", "yes"]`. */
  readonly arguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** A random one unless given. */
  readonly password?: Secret;
  /** Bytes of memory it may use. */
  readonly memoryLimit?: number;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A database server in a container of its own, on a named volume: what was stopped or killed and started again has kept its data. */
export interface TestServer extends ServerAddress, AsyncDisposable {
  readonly kind: ServerKindName;
  /** The container's. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  /** What the image is that was built here because no official one could be had; undefined for an official or chosen one. */
  readonly standInIs: string | undefined;
  /** Rejects unless it answers a question now. */
  ask(): Promise<void>;
  /** Runs a command in the container; whether it succeeded is for the caller to see. */
  exec(command: readonly string[]): Promise<ExecResult>;
  stop(): Promise<void>;
  /** Starts it where it is stopped, and returns when it answers. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** SIGKILL to the server, as the kernel's out-of-memory killer would. */
  kill(): Promise<void>;
}

/**
 * Starts a server of a kind, reached from this host at a port of 127.0.0.1 that stays the same over restarts, and
 * returns when it answers. Disposing removes the container and its volume. Throws what {@link testImage} throws, and
 * `connection` with the server's log where it ends or does not answer.
 */
export async function startServer(kind: ServerKindName, options: ServerOptions = {}): Promise<TestServer> {
  await removeLeftovers();
  const { image, standInIs } = await testImage(kind);
  const { port, dataDirectory, user, environment, command, ask } = serverKinds[kind];
  const name = options.name ?? `sutazai-test-${kind}-${testRun}-${randomBytes(3).toString("hex")}`;
  // Characters that have to be encoded in a URL and quoted in a shell: a careless adapter trips here.
  const password = options.password ?? new Secret(`canary-${randomBytes(9).toString("hex")}/+@ %$'x`);
  const labels = await testLabels();

  const engine = await docker();
  const volume = `${name}-data`;
  await engine.createVolume({ Name: volume, Labels: labels });
  try {
    const hostPort = await freePort();
    const host = await hostOfContainers();
    const address: ServerAddress = { host, port: hostPort, user, password };
    const container = await new ServerContainer(image)
      .onHostPort(port, hostPort, host === loopback ? loopback : "")
      .onVolume(volume, dataDirectory, options.memoryLimit)
      .withName(name)
      .withLabels({ ...labels, ...options.labels })
      .withEnvironment({ ...environment(password.reveal()), ...options.environment })
      .withCommand([...command(password.reveal()), ...(options.arguments ?? [])])
      .withAutoCleanup(false)
      .withWaitStrategy(answering(() => ask(address)))
      .start();
    return new StartedServer({ kind, name, image, standInIs, volume, ...address }, container, () => ask(address));
  } catch (error) {
    const told = await withLog(engine.getContainer(name), error);
    await ignoringAbsence(engine.getContainer(name).remove({ force: true, v: true }));
    await ignoringAbsence(engine.getVolume(volume).remove());
    throw told;
  }
}

const loopback = "127.0.0.1";

/**
 * Where published ports are reached: the loopback where the engine shares our network. Testcontainers takes a machine with
 * a `/.dockerenv` for a container and names the bridge's own address, which is then one of ours.
 */
async function hostOfContainers(): Promise<string> {
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  const ours = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return host === "localhost" || ours.some(({ address }) => address === host) ? loopback : host;
}

/** A server that has ended says more in its log than whoever waited for it. */
async function withLog(container: ReturnType<Docker["getContainer"]>, error: unknown): Promise<unknown> {
  if (isBackupError(error)) return error;
  const state = await container.inspect().then(
    ({ State }) => State,
    () => undefined,
  );
  if (state === undefined || state.Running) return error;
  const log = (await container.logs({ stdout: true, stderr: true, tail: 20 })).toString();
  return new BackupError("connection", `the test server ended with exit code ${state.ExitCode}: ${log}`, {
    operation: "testkit.start",
    cause: error,
  });
}

/** With what Testcontainers has no method for: a host address to publish on, and a named volume. */
class ServerContainer extends GenericContainer {
  onHostPort(port: number, hostPort: number, hostAddress: string): this {
    this.withExposedPorts({ container: port, host: hostPort });
    this.hostConfig.PortBindings = { [`${port}/tcp`]: [{ HostIp: hostAddress, HostPort: String(hostPort) }] };
    return this;
  }

  onVolume(volume: string, directory: string, memoryLimit: number | undefined): this {
    this.hostConfig.Mounts = [{ Type: "volume", Source: volume, Target: directory }];
    if (memoryLimit !== undefined) this.hostConfig.Memory = memoryLimit;
    return this;
  }
}

class StartedServer implements TestServer {
  readonly kind: ServerKindName;
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly standInIs: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: Secret;
  readonly #volume: string;
  readonly #container: StartedTestContainer;
  readonly #ask: () => Promise<void>;

  constructor(
    facts: ServerAddress & Pick<TestServer, "kind" | "name" | "image" | "standInIs"> & { readonly volume: string },
    container: StartedTestContainer,
    ask: () => Promise<void>,
  ) {
    this.kind = facts.kind;
    this.id = container.getId();
    this.name = facts.name;
    this.image = facts.image;
    this.standInIs = facts.standInIs;
    this.host = facts.host;
    this.port = facts.port;
    this.user = facts.user;
    this.password = facts.password;
    this.#volume = facts.volume;
    this.#container = container;
    this.#ask = ask;
  }

  ask(): Promise<void> {
    return this.#ask();
  }

  async exec(command: readonly string[]): Promise<ExecResult> {
    const { exitCode, stdout, stderr } = await this.#container.exec([...command]);
    return { exitCode, stdout, stderr };
  }

  async stop(): Promise<void> {
    await ignoringSameState((await docker()).getContainer(this.id).stop({ t: 60 }));
  }

  async start(): Promise<void> {
    await ignoringSameState((await docker()).getContainer(this.id).start());
    await untilAnswering(this.id, this.#ask);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async kill(): Promise<void> {
    const container = (await docker()).getContainer(this.id);
    // 409: it was not running, so there is nothing to kill.
    await ignoringAbsence(container.kill());
    // The engine answers when the signal is sent, and would take a start for unnecessary until the end is noted.
    await container.wait({ condition: "not-running" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const engine = await docker();
    await ignoringAbsence(engine.getContainer(this.id).remove({ force: true, v: true }));
    await ignoringAbsence(engine.getVolume(this.#volume).remove());
  }
}

function answering(ask: () => Promise<void>): WaitStrategy {
  const strategy: WaitStrategy = {
    waitUntilReady: (container) => untilAnswering(container.id, ask),
    withStartupTimeout: () => strategy,
    isStartupTimeoutSet: () => true,
    getStartupTimeout: () => patience,
  };
  return strategy;
}

// Not a time to be fast in, but one after which waiting longer is pointless, on a loaded machine too.
const patience = 300_000;
/** A question that was taken and is never answered, as by a server that ended meanwhile, is asked again. */
const patienceWithOne = 30_000;

async function untilAnswering(id: string, ask: () => Promise<void>): Promise<void> {
  const container = (await docker()).getContainer(id);
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await withLimit(ask());
    } catch (error) {
      const { State } = await container.inspect();
      if (!State.Running || performance.now() > until) {
        const log = (await container.logs({ stdout: true, stderr: true, tail: 20 })).toString();
        const what = State.Running ? "does not answer" : `ended with exit code ${State.ExitCode}`;
        throw new BackupError("connection", `the test server ${what}: ${log}`, {
          operation: "testkit.start",
          cause: error,
        });
      }
      await sleep(100);
    }
  }
}

async function withLimit(answer: Promise<void>): Promise<void> {
  const over = new AbortController();
  try {
    const limit = sleep(patienceWithOne, undefined, { signal: over.signal }).then(() => {
      throw new BackupError("timeout", "the test server does not answer", { operation: "testkit.ask" });
    });
    await Promise.race([answer, limit]);
  } finally {
    over.abort();
  }
}

/** Starting what runs and stopping what is stopped is answered with 304, which dockerode throws. */
async function ignoringSameState(change: Promise<unknown>): Promise<void> {
  await change.catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 304) throw error;
  });
}

/** Chosen here and not by the engine, which would choose anew at every start. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
