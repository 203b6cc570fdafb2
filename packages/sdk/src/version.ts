import manifest from "../package.json" with { type: "json" };

export const version: string = manifest.version;

/** Written into manifests. */
export const madeBy: string = `sutazai-backup ${version}`;
