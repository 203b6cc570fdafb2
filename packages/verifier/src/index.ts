export { verifyChecksum } from "./checksum.ts";
export { verifyStructure, type StructureSource } from "./structure.ts";
export type { Evidence, Verification } from "./verification.ts";
