// How long each database stands still for a backup, and is out of reach for a restore, by form and method: the table of docs/downtime.md.
// Usage: node bench/downtime.ts [kind…]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseAdapter } from "@sutazai/backup-core";
import {
  chromadbAdapter,
  createBackupSystem,
  faissAdapter,
  formatBytes,
  formatDuration,
  localStore,
  neo4jAdapter,
  postgresAdapter,
  qdrantAdapter,
  redisAdapter,
} from "@sutazai/backup-sdk";
import { startServer, type ServerKindName, type TestServer } from "@sutazai/backup-testkit";
import { demoDatabases } from "../examples/demo/databases.ts";

interface Way {
  readonly kind: ServerKindName;
  readonly adapter: (server: TestServer) => DatabaseAdapter;
  readonly form?: string;
  readonly method?: string;
}

const ways: readonly Way[] = [
  {
    kind: "postgres",
    adapter: ({ name, user, password }) => postgresAdapter({ container: name, user, password }),
  },
  { kind: "redis", adapter: ({ name, password }) => redisAdapter({ container: name, password }), method: "offline" },
  { kind: "redis", adapter: ({ name, password }) => redisAdapter({ container: name, password }), method: "online" },
  {
    kind: "redis",
    adapter: ({ name, password }) => redisAdapter({ container: name, password, forms: ["aof"] }),
    form: "aof",
  },
  { kind: "neo4j", adapter: ({ name, password }) => neo4jAdapter({ container: name, password }) },
  {
    kind: "neo4j",
    adapter: ({ name, password }) => neo4jAdapter({ container: name, password, method: "offline" }),
  },
  {
    kind: "neo4j",
    adapter: ({ name, password }) => neo4jAdapter({ container: name, password, method: "data-directory" }),
  },
  { kind: "qdrant", adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password }) },
  {
    kind: "qdrant",
    adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password, forms: ["scroll"] }),
    form: "scroll",
  },
  {
    kind: "qdrant",
    adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password, forms: ["data"] }),
    form: "data",
  },
  { kind: "chromadb", adapter: ({ name }) => chromadbAdapter({ container: name, forms: ["data"] }) },
  { kind: "chromadb", adapter: ({ name }) => chromadbAdapter({ container: name, forms: ["export"] }), form: "export" },
  { kind: "faiss", adapter: ({ name }) => faissAdapter({ container: name }) },
];

const chosen = process.argv.slice(2);
console.log(
  "| database | content | form: method of the backup | stands still | method of the restore | out of reach |",
);
console.log("| --- | --- | --- | --- | --- | --- |");
for (const way of ways) if (chosen.length === 0 || chosen.includes(way.kind)) console.log(await measure(way));

async function measure({ kind, adapter, form, method }: Way): Promise<string> {
  const { options, fill } = demoDatabases[kind];
  await using server = await startServer(kind, options);
  await fill(server);
  const directory = await mkdtemp(join(tmpdir(), "sutazai-bench-"));
  try {
    const database = adapter(server);
    const system = createBackupSystem({
      databases: [database],
      store: localStore({ path: join(directory, "backups") }),
      stateDirectory: join(directory, "state"),
    });
    const [backup] = (await system.backup()).databases;
    const taken = backup?.backup?.forms.find(({ name }) => form === undefined || name === form);
    if (taken === undefined) throw new Error(`${kind}: ${backup?.error?.message ?? "there is no such form"}`);
    const watch = watchReach(server);
    const [restored] = (
      await system.restore({ ...(form !== undefined && { form }), ...(method !== undefined && { method }) })
    ).databases;
    const outOfReachMs = await watch.end();
    if (restored?.status !== "ok") throw new Error(`${kind}: ${restored?.error?.message}`);
    const cells = [
      kind,
      formatBytes(backup?.backup?.plainBytes ?? 0),
      `${taken.name}: ${taken.method}`,
      taken.pausedMs === 0 ? "no" : formatDuration(taken.pausedMs),
      restored.method ?? "",
      outOfReachMs === 0 ? "no" : formatDuration(outOfReachMs),
    ];
    return `| ${cells.join(" | ")} |`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Asks a server again and again, as a client would that connects anew each time, and adds up how long nobody answered. */
function watchReach(server: TestServer): { end(): Promise<number> } {
  let isWatching = true;
  const watching = (async () => {
    let outOfReach = 0;
    let answeredAt = performance.now();
    let isReached = true;
    while (isWatching) {
      const reached = await Promise.race([
        server.ask().then(
          () => true,
          () => false,
        ),
        sleep(500, false),
      ]);
      const now = performance.now();
      if (!reached || !isReached) outOfReach += now - answeredAt;
      answeredAt = now;
      isReached = reached;
      await sleep(20);
    }
    return outOfReach;
  })();
  return {
    end: () => {
      isWatching = false;
      return watching;
    },
  };
}
