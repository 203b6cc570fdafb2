import { BackupError } from "@sutazai/backup-core";

/** Takes what a process wrote. Called synchronously, in order; slices share memory with the chunk they came in. */
export interface OutputSink {
  stdout(data: Uint8Array): void;
  stderr(data: Uint8Array): void;
}

const headerLength = 8;

/**
 * Takes apart the stream of an attached container or exec: frames of a header (stream, three zeros, length as uint32,
 * big-endian) and as many bytes. Nothing is copied but a header that was split between two chunks, and nothing is held
 * back: a frame's bytes go on as they come, however long it says it is.
 * Source: Docker Engine API, "Attach to a container", stream format.
 */
export class Demultiplexer {
  readonly #sink: OutputSink;
  readonly #header = new Uint8Array(headerLength);
  #headerFilled = 0;
  #stream = 0;
  #left = 0;

  constructor(sink: OutputSink) {
    this.#sink = sink;
  }

  /** Throws `connection` where the bytes are not frames. */
  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#left === 0) {
        const taken = Math.min(headerLength - this.#headerFilled, chunk.length - offset);
        this.#header.set(chunk.subarray(offset, offset + taken), this.#headerFilled);
        this.#headerFilled += taken;
        offset += taken;
        if (this.#headerFilled < headerLength) return;
        this.#begin();
        continue;
      }
      const taken = Math.min(this.#left, chunk.length - offset);
      const data = chunk.subarray(offset, offset + taken);
      this.#left -= taken;
      offset += taken;
      if (this.#stream === 1) this.#sink.stdout(data);
      else this.#sink.stderr(data);
    }
  }

  /** Throws `connection` where the stream ended within a frame. */
  end(): void {
    if (this.#headerFilled === 0 && this.#left === 0) return;
    throw broken(
      this.#left > 0 ? `${this.#left} bytes before the end of a frame` : `within the header of a frame`,
      "the stream from Docker was cut off",
    );
  }

  #begin(): void {
    const [stream = 0, ...rest] = this.#header;
    const [first, second, third] = rest;
    if ((stream !== 1 && stream !== 2) || first !== 0 || second !== 0 || third !== 0) {
      throw broken(
        `header ${Buffer.from(this.#header).toString("hex")}`,
        "the stream from Docker is not made of frames",
      );
    }
    this.#stream = stream;
    this.#left = new DataView(this.#header.buffer).getUint32(4);
    this.#headerFilled = 0;
  }
}

function broken(where: string, what: string): BackupError {
  return new BackupError("connection", `${what} (${where})`, {
    operation: "containers.stream",
    hint: "see whether the daemon, or a proxy before it, was restarted, then try again",
  });
}
