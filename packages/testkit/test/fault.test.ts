import type { Bytes } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { Fault, MemoryBackup } from "../src/index.ts";

async function* chunks(...sizes: number[]): Bytes {
  for (const size of sizes) yield new Uint8Array(size);
}

test("a fault happens once, before the chunk that would pass the mark", async () => {
  const seen: string[] = [];
  const fault = new Fault(10, () => void seen.push("fault"));
  for await (const chunk of fault.through(chunks(4, 6, 1, 30))) seen.push(String(chunk.length));
  expect(seen).toEqual(["4", "6", "fault", "1", "30"]);
  expect(fault.happened).toBe(true);
});

test("a fault that throws fails the write, and nothing of the artifact remains", async () => {
  const backup = new MemoryBackup();
  const fault = new Fault(5, () => {
    throw new Error("full");
  });
  const sink = fault.within(backup);
  await sink.write("whole", chunks(5));
  await expect(sink.write("cut", chunks(1))).rejects.toThrow("full");
  expect([...backup.artifacts.keys()]).toEqual(["whole"]);
});

test("a fault between two artifacts happens when the first is whole, before the next", async () => {
  const backup = new MemoryBackup();
  const seen: string[][] = [];
  const sink = Fault.betweenArtifacts(() => void seen.push([...backup.artifacts.keys()])).within(backup);
  for (const name of ["first", "second", "third"]) await sink.write(name, chunks(5));
  expect(seen).toEqual([["first"]]);
});

test("a fault that was never reached says so", async () => {
  const backup = new MemoryBackup();
  const fault = new Fault(5, () => undefined);
  await fault.within(backup).write("a", chunks(5));
  expect(fault.happened).toBe(false);
});

test.for(["", "/etc/passwd", "a/../../b"])("%j is no name for an artifact", async (name) => {
  await expect(new MemoryBackup().write(name, chunks(1))).rejects.toThrow("no name");
});

test("an artifact cannot be written twice", async () => {
  const backup = new MemoryBackup();
  await backup.write("a", chunks(1));
  await expect(backup.write("a", chunks(1))).rejects.toThrow("twice");
});
