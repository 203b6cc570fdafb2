import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Address, ContainerRuntime } from "@sutazai/backup-core";
import { replacing } from "./faulty-tools.ts";

/** Stands between clients on this host and the servers in containers. */
export interface CutConnections extends AsyncDisposable {
  /** With the addresses of what stands between, instead of the servers' own. */
  readonly containers: ContainerRuntime;
  /** What servers have said so far, in bytes. */
  readonly bytes: number;
}

/**
 * Passes on what servers say until it comes to so many bytes in all, over all connections. The connection on which that happens ends then, in good order, as if
 * the server had no more to say; this happens once.
 */
export function cutConnections(containers: ContainerRuntime, afterBytes: number): CutConnections {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  let bytes = 0;
  let isCut = false;
  const open = (socket: Socket): Socket => {
    sockets.add(socket);
    // Whoever it is a connection of hears of it at its own end.
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    return socket;
  };
  const between = (client: Socket, address: Address): void => {
    const server = open(connect(address));
    open(client).pipe(server);
    server.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      const left = isCut ? Infinity : afterBytes - (bytes - chunk.length);
      if (chunk.length <= left) {
        if (!client.write(chunk)) server.pause();
        return;
      }
      isCut = true;
      client.end(chunk.subarray(0, left));
      server.destroy();
    });
    client.on("drain", () => server.resume()).on("close", () => server.destroy());
    server.on("end", () => client.end());
  };
  const listenFor = async (address: Address): Promise<Address> => {
    const server = createServer((client) => between(client, address));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  };
  return {
    containers: replacing(containers, {
      resolveAddress: async (container, port) => listenFor(await containers.resolveAddress(container, port)),
    }),
    get bytes() {
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
