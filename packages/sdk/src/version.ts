import manifest from "../package.json" with { type: "json" };

/** Written into manifests. */
export const madeBy: string = `sutazai-backup ${manifest.version}`;
