import type { Duplex } from "node:stream";
import type { ToolHandle } from "./tool-session.ts";
import { Demultiplexer } from "./demultiplexer.ts";

/** Reads what an attached process writes; the socket is left unread while there is no room, so the process blocks. */
export function transferFrom(socket: Duplex): ToolHandle["transfer"] {
  return async (sink, room) => {
    const frames = new Demultiplexer(sink);
    for await (const chunk of socket as AsyncIterable<Uint8Array>) {
      frames.push(chunk);
      await room();
    }
    frames.end();
  };
}

/** The socket's own failures are met where it is read; without a listener a late one would end the process. */
export function ignoreLateErrors(socket: Duplex): void {
  socket.on("error", () => undefined);
}
