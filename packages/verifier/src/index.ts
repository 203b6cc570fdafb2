export { verifyChecksum } from "./checksum.ts";
export { verifyRestore, type DrillContext, type DrillOptions } from "./drill/verify-restore.ts";
export { standingOf, type Standing } from "./standing.ts";
export { verifyStructure, type StructureSource } from "./structure.ts";
export {
  verificationLevels,
  type DrilledForm,
  type DrillVerification,
  type Evidence,
  type Verification,
  type VerificationLevel,
} from "./verification.ts";
