import {
  BackupError,
  type Bytes,
  type ContainerRuntime,
  type FrozenCopy,
  type ToolProcess,
} from "@sutazai/backup-core";

/** What becomes of a tool that runs in a container of its own, or of the reading of a frozen copy. */
export interface ToolFault {
  /** What runs instead, in POSIX shell: `"$@"` is the tool as it was asked for. */
  readonly script: string;
  /** What comes of a copy instead. */
  readonly copy: (content: Bytes) => Bytes;
}

/** As after a disk that filled up, a lost connection, a table that could not be read: all is written, and the exit code alone tells. */
export const exitsWithOne: ToolFault = { script: '"$@"; exit 1', copy: failingAtItsEnd };

/** Ended by the kernel, at the container's limit of memory, after its last byte. */
export const runsOutOfMemory: ToolFault = { script: '"$@"; tail /dev/zero', copy: failingAtItsEnd };

/** As a tool without a database before it: no byte, and the exit code of success. */
export const writesNothing: ToolFault = {
  script: ":",
  async *copy() {},
};

/** As in a pipe whose later end has stopped reading: what comes ends early, with the exit code of success. */
export function endsAfter(bytes: number): ToolFault {
  return { script: `"$@" | head -c ${bytes}`, copy: (content) => cut(content, bytes) };
}

/** A container runtime whose tools do as a fault says, by what they are for (`pg_dump`, `redis-read`); as ever where it says nothing. */
export function faultyTools(
  containers: ContainerRuntime,
  faultOf: (purpose: string) => ToolFault | undefined,
): ContainerRuntime {
  return replacing(containers, {
    sidecar(spec) {
      const fault = faultOf(spec.purpose);
      if (fault === undefined) return containers.sidecar(spec);
      return containers.sidecar({ ...spec, command: ["sh", "-c", fault.script, spec.purpose, ...spec.command] });
    },
    async frozenCopy(spec) {
      const copy = await containers.frozenCopy(spec);
      const fault = faultOf(copyOf(spec.purpose));
      return fault === undefined ? copy : reading(copy, fault.copy);
    },
  });
}

/** A container runtime that notes how many bytes each tool has written: the most of those of one purpose. */
export function countingTools(containers: ContainerRuntime, written: Map<string, number>): ContainerRuntime {
  const counted = async function* (purpose: string, content: Bytes): Bytes {
    let bytes = 0;
    for await (const chunk of content) {
      bytes += chunk.length;
      yield chunk;
    }
    written.set(purpose, Math.max(bytes, written.get(purpose) ?? 0));
  };
  return replacing(containers, {
    async sidecar(spec): Promise<ToolProcess> {
      const tool = await containers.sidecar(spec);
      const stdout = counted(spec.purpose, tool.stdout);
      return { stdout, exit: tool.exit, [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose]() };
    },
    async frozenCopy(spec) {
      return reading(await containers.frozenCopy(spec), (content) => counted(copyOf(spec.purpose), content));
    },
  });
}

/** The same runtime but for some of its methods. */
export function replacing(containers: ContainerRuntime, methods: Partial<ContainerRuntime>): ContainerRuntime {
  return new Proxy(containers, {
    get(target, name) {
      const value: unknown = Reflect.get(name in methods ? methods : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const copyOf = (purpose: string): string => `frozen copy of ${purpose}`;

function reading(copy: FrozenCopy, through: (content: Bytes) => Bytes): FrozenCopy {
  const { method, frozenMs, capture, volumes } = copy;
  return {
    method,
    frozenMs,
    capture,
    volumes,
    read: (path) => through(copy.read(path)),
    [Symbol.asyncDispose]: () => copy[Symbol.asyncDispose](),
  };
}

async function* failingAtItsEnd(content: Bytes): Bytes {
  yield* content;
  throw new BackupError("tool-failed", "tar ended with exit code 1", { operation: "testkit.copy" });
}

async function* cut(content: Bytes, bytes: number): Bytes {
  let left = bytes;
  for await (const chunk of content) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}
