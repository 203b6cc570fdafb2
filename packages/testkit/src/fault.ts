import type { ArtifactSink, ArtifactSource, Bytes } from "@sutazai/backup-core";

/** Something that happens once, when so many bytes have passed: a kill, a cancellation, a full disk. What `act` throws, the stream throws. */
export class Fault {
  readonly #after: number;
  readonly #act: () => void | Promise<void>;
  #passed = 0;
  #happened = false;
  #betweenArtifacts = false;

  constructor(after: number, act: () => void | Promise<void>) {
    this.#after = after;
    this.#act = act;
  }

  /** The same, when the first artifact has been written to its end, and before whoever wrote it hears of that. */
  static betweenArtifacts(act: () => void | Promise<void>): Fault {
    const fault = new Fault(Infinity, act);
    fault.#betweenArtifacts = true;
    return fault;
  }

  /** Whether it came to it: a test of a fault that never happened proves nothing. */
  get happened(): boolean {
    return this.#happened;
  }

  async *through(content: Bytes): Bytes {
    for await (const chunk of content) {
      this.#passed += chunk.length;
      if (!this.#happened && this.#passed > this.#after) {
        await this.#happen();
      }
      yield chunk;
    }
  }

  async #happen(): Promise<void> {
    this.#happened = true;
    await this.#act();
  }

  /** Counts the bytes of all artifacts together. */
  within(sink: ArtifactSink): ArtifactSink {
    return {
      write: async (name, content, hints) => {
        await sink.write(name, this.through(content), hints);
        if (this.#betweenArtifacts && !this.#happened) await this.#happen();
      },
    };
  }

  withinSource(source: ArtifactSource): ArtifactSource {
    return { manifest: source.manifest, read: (name) => this.through(source.read(name)) };
  }
}
