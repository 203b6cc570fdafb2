import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const engine = (process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace(/^unix:\/\//, "");

/** Stands between a process and the Docker engine, so that their connection can be cut without touching the engine. */
export class DockerProxy implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isGone = false;
  #isSilent = false;

  private constructor(path: string) {
    this.address = `unix://${path}`;
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#connect(near)).listen(path);
  }

  static async at(path: string): Promise<DockerProxy> {
    const proxy = new DockerProxy(path);
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** Every connection ends at once, as when the engine dies. With `onwards` there is no other until it is mended. */
  cut({ onwards = false }: { readonly onwards?: boolean } = {}): void {
    this.#isGone = onwards;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** Nothing passes any more, in either direction, and nobody is told: an engine that hangs. New connections are taken, and hear nothing. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** What was silent stays so, and ends. */
  mend(): void {
    if (this.#isSilent) this.cut();
    this.#isGone = false;
    this.#isSilent = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(near: Socket): void {
    if (this.#isGone) {
      near.destroy();
      return;
    }
    if (this.#isSilent) {
      this.#sockets.add(near.on("error", () => near.destroy()));
      return;
    }
    const far = connect({ path: engine, allowHalfOpen: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy()).on("close", () => this.#sockets.delete(socket));
      socket.pipe(other);
    }
  }
}
