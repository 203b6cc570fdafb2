export { directoryStore, type DirectoryStoreOptions } from "./directory-store.ts";
export { LockDirectory, type HeldLock, type LockMode, type LockWait } from "./lock-directory.ts";
export { openLooseBackup, type LooseBackup } from "./loose-backup.ts";
export { preparePrivateRoot } from "./private-root.ts";
export type {
  ReadableBackup,
  RetentionDecision,
  RetentionFacts,
  RetentionPlan,
  RetentionStanding,
  UnreadableBackup,
} from "./retention/facts.ts";
export { planRetention } from "./retention/plan.ts";
export {
  includesLevel,
  retentionPolicy,
  retentionSettingsSchema,
  setsRules,
  usualRetention,
  verificationLevels,
  type CountingRule,
  type RetentionPolicy,
  type RetentionSettings,
  type VerificationLevel,
} from "./retention/policy.ts";
export { Staging, type StagingPlace } from "./staging.ts";
