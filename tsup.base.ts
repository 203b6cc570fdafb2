import { defineConfig, type Options } from "tsup";

/** The build of every published package: ESM for Node; types come from `tsc -b`. */
export function library(options: Options): ReturnType<typeof defineConfig> {
  return defineConfig({
    format: "esm",
    target: "node22",
    platform: "node",
    dts: false,
    sourcemap: true,
    clean: false,
    // Some modules of Node have no other name: `node:sqlite`.
    removeNodeProtocol: false,
    ...options,
  });
}
