import { randomBytes } from "node:crypto";
import {
  BackupError,
  formOf,
  Secret,
  type DatabaseAdapter,
  type DrillServer,
  type Manifest,
} from "@sutazai/backup-core";
import { formName } from "./forms.ts";
import type { Neo4jOptions } from "./options.ts";
import { whenReady } from "./ready.ts";
import { validate } from "./restore/validate.ts";
import { locate } from "./target.ts";

const dataDirectory = "/data";

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
  };
}
