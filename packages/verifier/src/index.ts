export { verifyChecksum } from "./checksum.ts";
export { verifyStructure, type Candidate } from "./structure.ts";
export type { Verification } from "./verification.ts";
