import { createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { connect } from "node:net";
import type { ContainerInfo, ContainerRuntime } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { cutConnections } from "../src/index.ts";

const saying = "twenty bytes it says";

test("what servers say ends in good order at a byte, once, over all connections", async () => {
  const server = createServer((socket) => void socket.end(saying));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const containers = { resolveAddress: async () => ({ host: "127.0.0.1", port }) } as Partial<ContainerRuntime>;
  {
    await using between = cutConnections(containers as ContainerRuntime, saying.length + 6);
    const address = await between.containers.resolveAddress({} as ContainerInfo, port);
    const heard: string[] = [];
    for (let time = 0; time < 3; time += 1) heard.push(await text(connect(address)));
    expect(heard).toEqual([saying, "twenty", saying]);
    expect(between.bytes).toBe(3 * saying.length);
  }
  server.close();
});
