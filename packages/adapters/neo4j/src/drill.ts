import { randomBytes } from "node:crypto";
import {
  BackupError,
  formOf,
  Secret,
  type DatabaseAdapter,
  type DrillServer,
  type Manifest,
} from "@sutazai/backup-core";
import { systemName } from "./databases.ts";
import { detailsOf } from "./details.ts";
import { check, loadInto } from "./dump/admin.ts";
import { dumpArtifact, formName, type FormName } from "./forms.ts";
import type { Neo4jOptions } from "./options.ts";
import { whenReady } from "./ready.ts";
import { validate } from "./restore/validate.ts";
import { locate } from "./target.ts";
import { stopForGood } from "./throwaway.ts";

const dataDirectory = "/data";
/** Where the backup's own `system` is loaded: the server keeps its own. */
const systemDirectory = `${dataDirectory}/.sutazai-system`;

/** An empty server of the backup's image. It keeps its own users: nobody knows the passwords of the backup's. */
export function drill(
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: Neo4jOptions) => DatabaseAdapter,
): DrillServer {
  const form = formName(formOf(manifest, wanted).name);
  if (form === "export") {
    throw new BackupError("unsupported", "an export is not restored by this version", {
      operation: "neo4j.drill",
      database: name,
      hint: "drill a dump",
    });
  }
  // The official image splits at slashes.
  const password = new Secret(randomBytes(24).toString("hex"));
  const reached = (container: string): Neo4jOptions => ({
    name,
    container,
    user: "neo4j",
    password,
    system: "keep",
    method: form === "data" ? "data-directory" : "frozen",
  });
  return {
    container: {
      environment: { NEO4J_AUTH: `neo4j/${password.reveal()}`, NEO4J_dbms_usage__report_enabled: "false" },
      freshVolumes: [dataDirectory],
    },
    adapter: (container) => create(reached(container)),
    async compare({ containers, signal }, container, source) {
      const target = await locate(reached(container), name, containers);
      const started = await whenReady(containers, await containers.inspect(container), target, { signal });
      await using server = started.server;
      return { ...(await validate(server, source.manifest, form, true)), warnings: [] };
    },
    async checkFiles({ containers, signal, progress }, container, source) {
      progress({ step: "stopping the server and checking its files" });
      await stopForGood(containers, container);
      const { imageId: image } = await containers.inspect(container);
      const store = { image, volumesOf: container, directory: dataDirectory };
      const names = detailsOf(source.manifest).databases.map(({ name: database }) => database);
      const restored = names.filter((database) => database !== systemName);
      const checks = restored.map((database) => check(containers, store, database, signal));
      if (form === "dump" && names.includes(systemName)) {
        const aside = { ...store, directory: systemDirectory };
        const dump = source.read(dumpArtifact(systemName));
        const load = () => loadInto(containers, aside, systemName, "0:0", dump, signal);
        checks.push(load().then(() => check(containers, aside, systemName, signal)));
      }
      await allOf(checks);
      return [
        `neo4j-admin database check of ${restored.join(", ")}, with the server stopped`,
        ...evidenceOfSystem(names, form),
      ];
    },
  };
}

function evidenceOfSystem(databases: readonly string[], form: FormName): string[] {
  if (!databases.includes(systemName)) return [];
  return form === "dump"
    ? [
        "`system` loaded beside the server's own and checked by neo4j-admin database check; not proven: that its users can log in",
      ]
    : ["not proven: `system`, with its users and passwords; the server keeps its own"];
}

/** Waits for all of them, so that nothing still works when the first failure is thrown. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(work)) if (outcome.status === "rejected") throw outcome.reason;
}
