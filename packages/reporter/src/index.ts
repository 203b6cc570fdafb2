export { formatDrillReport } from "./drill.ts";
export { table } from "./table.ts";
export { formatBackupReport, formatRestoreReport } from "./text.ts";
export { formatBytes, formatDuration } from "./units.ts";
