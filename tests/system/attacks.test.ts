// A capture that goes wrong publishes nothing, and takes nothing away from what was good before: not from its list, its proof, or its place as what is restored.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerRuntime } from "@sutazai/backup-containers";
import type { ContainerRuntime, DatabaseAdapter } from "@sutazai/backup-core";
import {
  chromadbAdapter,
  createBackupSystem,
  faissAdapter,
  localStore,
  neo4jAdapter,
  postgresAdapter,
  qdrantAdapter,
  redisAdapter,
  type BackupSystem,
  type BackupSystemOptions,
} from "@sutazai/backup-sdk";
import {
  cutConnections,
  faultyStore,
  faultyTools,
  startServer,
  StoreFaults,
  writesNothing,
  type SampleContent,
  type ServerKindName,
  type TestServer,
} from "@sutazai/backup-testkit";
import {
  chromadbContent,
  faissContent,
  neo4jContent,
  postgresContent,
  qdrantContent,
  redisContent,
} from "@sutazai/backup-testkit/conformance";
import { expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";

interface Subject {
  readonly adapter: (server: TestServer) => DatabaseAdapter;
  readonly content: SampleContent;
  /** What is not dumped by a tool is asked of the server. */
  readonly asks?: true;
  /** Only in a full run. */
  readonly slow?: true;
}

const subjects: Readonly<Record<ServerKindName, Subject>> = {
  postgres: {
    adapter: ({ name, password }) => postgresAdapter({ container: name, password }),
    content: postgresContent({ scale: 0.1 }),
    slow: true,
  },
  redis: {
    adapter: ({ name, password }) => redisAdapter({ container: name, password }),
    content: redisContent({ keys: 2_000 }),
  },
  neo4j: {
    adapter: ({ name, password }) => neo4jAdapter({ container: name, password }),
    content: neo4jContent({ nodes: 200 }),
    slow: true,
  },
  qdrant: {
    adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password }),
    content: qdrantContent({ points: 100 }),
    asks: true,
  },
  chromadb: {
    adapter: ({ name }) => chromadbAdapter({ container: name }),
    content: chromadbContent({ records: 100 }),
    slow: true,
  },
  faiss: {
    adapter: ({ name }) => faissAdapter({ container: name }),
    content: faissContent({ vectors: 500 }),
    slow: true,
  },
};

const tested = Object.entries(subjects).filter(([, { slow }]) => full || slow !== true);

test.each(tested)("%s: what was good before is still listed, whole, and what is restored", async (kind, subject) => {
  const directory = await mkdtemp(join(tmpdir(), "attacks-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const server = stack.use(await startServer(kind as ServerKindName));
  const adapter = subject.adapter(server);
  const store = localStore({ path: join(directory, "store") });
  const systemWith = (options: Partial<BackupSystemOptions> = {}): BackupSystem =>
    createBackupSystem({ databases: [adapter], store, stateDirectory: join(directory, "state"), ...options });
  const system = systemWith();

  await subject.content.fill(server);
  const before = await witness(server);
  const [first] = (await system.backup()).databases;
  expect(first, JSON.stringify(first?.error)).toMatchObject({ status: "ok" });
  const good = first?.backup?.id ?? "";
  const expectGoodIsLeft = async (newer: readonly string[]) => {
    expect((await system.list()).map(({ id }) => id)).toEqual([good, ...newer]);
    expect((await system.verify()).filter(({ ok }) => !ok)).toEqual([]);
    expect(await system.planRestore()).toMatchObject([{ backup: { id: good } }]);
  };

  const attacked = (containers: ContainerRuntime) => systemWith({ containers });
  const between = stack.use(cutConnections(dockerRuntime(), 3_000));
  const sizes = (await system.show(good)).manifest.artifacts.map(({ plain }) => plain.bytes);
  const isFull = new StoreFaults().cutAt("write", Math.floor(Math.max(...sizes) * 0.9));
  const attacks: Readonly<Record<string, BackupSystem>> = {
    "the source gives out": attacked(
      subject.asks === true ? between.containers : faultyTools(dockerRuntime(), () => writesNothing),
    ),
    "the disk of the store is full": systemWith({ store: faultyStore(store, isFull) }),
  };
  for (const [what, broken] of Object.entries(attacks)) {
    const [result] = (await broken.backup()).databases;
    expect(result, what).toMatchObject({ status: "failed", error: { reason: expect.any(String), database: kind } });
    await expectGoodIsLeft([]);
  }

  await subject.content.empty(server);
  const [emptied] = (await system.backup()).databases;
  expect(emptied).toMatchObject({
    status: "ok",
    backup: { empty: true },
    warnings: expect.arrayContaining([expect.stringContaining("emptied")]),
  });
  await expectGoodIsLeft([emptied?.backup?.id ?? ""]);
  expect([...(await system.pins([good])).keys()]).toEqual([good]);

  expect((await system.restore()).databases).toMatchObject([{ status: "ok", backup: good }]);
  expect(differences(before, await witness(server))).toEqual([]);
});
