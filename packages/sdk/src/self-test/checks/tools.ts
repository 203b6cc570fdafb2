import { readFile } from "node:fs/promises";
import { freemem } from "node:os";
import { createCodec } from "@sutazai/backup-compressor";
import type { Bytes } from "@sutazai/backup-core";
import { formatBytes } from "@sutazai/backup-reporter";
import { fail, pass, skip, warn, type Check } from "../check.ts";

const leastNode = [22, 18] as const;
const leastFiles = 1024;

export const toolChecks: readonly Check[] = [
  {
    id: "tools.node",
    layer: "tools",
    title: "This Node.js is recent enough",
    run: () => {
      const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
      const isEnough = major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
      const found = `Node.js ${process.versions.node}`;
      return isEnough ? pass(found) : fail(found, `install Node.js ${leastNode.join(".")} or later`);
    },
  },
  {
    id: "tools.compression",
    layer: "tools",
    title: "What is compressed comes out as it went in",
    needs: ["configuration"],
    run: async (subject) => {
      const { compression: name, compressionLevel: level } = (await subject.opened()).config.settings;
      const codec = createCodec({ name, ...(level !== undefined && { level }) });
      const plain = Buffer.from("self-test ".repeat(20_000));
      const stored = await bytesOf(codec.encode(once(plain)));
      const back = await bytesOf(codec.decode(once(stored)));
      return plain.equals(back)
        ? pass(`${name}: ${plain.length} bytes became ${stored.length}`)
        : fail(`${name} gave back something else`, "test the memory of this machine; install the program anew");
    },
  },
  {
    id: "tools.memory",
    layer: "tools",
    title: "There is memory for a drill's server",
    needs: ["configuration"],
    run: async (subject) => {
      const { drillMemory } = (await subject.opened()).config.settings;
      const text = await readFile("/proc/meminfo", "utf8").catch(() => "");
      const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1] ?? freemem() / 1024) * 1024;
      const found = `${formatBytes(available)} are available, a drill may use ${formatBytes(drillMemory)}`;
      return available >= drillMemory ? pass(found) : warn(found, "drill at a quieter time, or lower drillMemory");
    },
  },
  {
    id: "tools.open-files",
    layer: "tools",
    title: "Enough files may be open at once",
    run: async () => {
      const text = await readFile("/proc/self/limits", "utf8").catch(() => "");
      const limit = /^Max open files\s+(\d+)/m.exec(text)?.[1];
      if (limit === undefined) return skip("this system does not tell the limit");
      return Number(limit) >= leastFiles ? pass(limit) : warn(limit, `raise it: ulimit -n ${leastFiles}`);
    },
  },
];

async function* once(bytes: Uint8Array): Bytes {
  yield bytes;
}

async function bytesOf(content: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
