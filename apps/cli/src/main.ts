#!/usr/bin/env node
import { setFlagsFromString } from "node:v8";

// Content passes through in buffers that live for a moment. Collected early they cost a third less memory, at no loss of speed
// (bench/gigabyte.ts). It has to be said before the heap has grown.
setFlagsFromString("--optimize-for-size");
const { outliveReaders } = await import("./output.ts");
const { run } = await import("./run.ts");

outliveReaders();
process.exitCode = await run(process.argv.slice(2));
