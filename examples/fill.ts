// `node examples/fill.ts`: sample data for the databases that compose.yaml starts, into those that run.
import { dockerRuntime } from "@sutazai/backup-containers";
import { isBackupError, Secret } from "@sutazai/backup-core";
import {
  fillChromadb,
  fillFaiss,
  fillNeo4j,
  fillPostgres,
  fillQdrant,
  fillRedis,
  type ServerAddress,
} from "@sutazai/backup-testkit";

interface Database {
  readonly port: number;
  readonly user: string;
  /** The variable of the container that holds its password, and what stands before it there. */
  readonly secret?: readonly [variable: string, before?: string];
  readonly fill: (server: ServerAddress) => Promise<void>;
}

const databases: Readonly<Record<string, Database>> = {
  postgres: { port: 5432, user: "postgres", secret: ["POSTGRES_PASSWORD"], fill: fillPostgres },
  redis: { port: 6379, user: "default", secret: ["REDISCLI_AUTH"], fill: fillRedis },
  neo4j: { port: 7687, user: "neo4j", secret: ["NEO4J_AUTH", "neo4j/"], fill: fillNeo4j },
  qdrant: { port: 6333, user: "", secret: ["QDRANT__SERVICE__API_KEY"], fill: fillQdrant },
  chromadb: { port: 8000, user: "", fill: fillChromadb },
  faiss: { port: 8000, user: "", fill: fillFaiss },
};

const containers = dockerRuntime();
for (const [kind, { port, user, secret: [variable = "", before = ""] = [], fill }] of Object.entries(databases)) {
  try {
    const container = await containers.inspectRunning(`sutazai-${kind}`);
    const password = (container.environment[variable] ?? "").slice(before.length);
    await fill({ ...(await containers.resolveAddress(container, port)), user, password: new Secret(password) });
    console.log(`${kind}: filled`);
  } catch (error) {
    console.error(`${kind}: ${isBackupError(error) ? `${error.message} (${error.hint})` : String(error)}`);
    process.exitCode = 1;
  }
}
