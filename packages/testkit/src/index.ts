export { changeFaiss, emptyFaiss, fillFaiss, fillHostileFaiss, writeFaiss } from "./content/faiss.ts";
export { changePostgres, emptyPostgres, fillHostilePostgres, fillPostgres, writePostgres } from "./content/postgres.ts";
export { changeQdrant, emptyQdrant, fillHostileQdrant, fillQdrant, writeQdrant } from "./content/qdrant.ts";
export { changeRedis, emptyRedis, fillHostileRedis, fillRedis, writeRedis } from "./content/redis.ts";
export { testImage, type TestImage } from "./images.ts";
export {
  askFaiss,
  askQdrant,
  connectPostgres,
  connectRedis,
  type Connection,
  type ServerAddress,
  type ServerKindName,
} from "./kinds.ts";
export { peakMemoryOf } from "./peak-memory.ts";
export { Random } from "./random.ts";
export { startServer, type ExecResult, type ServerOptions, type TestServer } from "./server.ts";
export type { SampleContent } from "./content/sample-content.ts";
export { Fault } from "./fault.ts";
export { MemoryBackup } from "./memory-backup.ts";
