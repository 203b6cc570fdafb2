export { changeChromadb, emptyChromadb, fillChromadb, fillHostileChromadb, writeChromadb } from "./content/chromadb.ts";
export { changeFaiss, emptyFaiss, fillFaiss, fillHostileFaiss, writeFaiss } from "./content/faiss.ts";
export { changeNeo4j, emptyNeo4j, fillHostileNeo4j, fillNeo4j, writeNeo4j } from "./content/neo4j.ts";
export { changePostgres, emptyPostgres, fillHostilePostgres, fillPostgres, writePostgres } from "./content/postgres.ts";
export { changeQdrant, emptyQdrant, fillHostileQdrant, fillQdrant, writeQdrant } from "./content/qdrant.ts";
export { changeRedis, emptyRedis, fillHostileRedis, fillRedis, writeRedis } from "./content/redis.ts";
export { byteChanges, changedBytes, type ByteChange } from "./changed-bytes.ts";
export { watchContainers, type ContainerWatch, type SeenContainer } from "./container-watch.ts";
export { testBaseImage, testImage, type TestImage } from "./images.ts";
export { askChromadb } from "./kinds/chromadb.ts";
export { askFaiss } from "./kinds/faiss.ts";
export { connectNeo4j } from "./kinds/neo4j.ts";
export { connectPostgres } from "./kinds/postgres.ts";
export { askQdrant } from "./kinds/qdrant.ts";
export { connectRedis } from "./kinds/redis.ts";
export type { Connection, ServerAddress } from "./kinds/server-kind.ts";
export type { ServerKindName } from "./kinds/server-kinds.ts";
export { lyingServer, type Lie, type LyingServer } from "./lying-server.ts";
export { mappedForWriting } from "./mapped-files.ts";
export { killThrowaways, leftInDocker } from "./leftovers.ts";
export { peakMemoryOf } from "./peak-memory.ts";
export { Random } from "./random.ts";
export { startServer, type ExecResult, type ServerOptions, type TestServer } from "./server.ts";
export type { SampleContent } from "./content/sample-content.ts";
export { Fault } from "./fault.ts";
export { MemoryBackup } from "./memory-backup.ts";
export { cutConnections, type CutConnections } from "./cut-connections.ts";
export {
  endsAfter,
  exitsWithOne,
  faultyTools,
  replacing,
  runsOutOfMemory,
  writesNothing,
  type ToolFault,
} from "./faulty-tools.ts";
export {
  failing,
  failingAfterwards,
  FaultyDisk,
  slow,
  systemError,
  type DiskFault,
  type DiskStep,
} from "./faulty-disk.ts";
export { faultyStore, StoreFaults, type StoreFault, type StoreStep } from "./faulty-store.ts";
export { JumpingClock } from "./jumping-clock.ts";
