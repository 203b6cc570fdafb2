import { randomBytes } from "node:crypto";
import { formOf, Secret, type DrillServer, type Manifest } from "@sutazai/backup-core";
import { qdrantAdapter } from "./adapter.ts";
import { formName } from "./fingerprint.ts";
import type { QdrantOptions } from "./options.ts";
import { examine, method } from "./plan.ts";
import { validate } from "./restore.ts";
import { Server } from "./server.ts";

const directory = "/qdrant/storage";

export function drill(options: QdrantOptions, name: string, manifest: Manifest, wanted: string): DrillServer {
  const form = formName(formOf(manifest, wanted).name);
  const apiKey = new Secret(randomBytes(24).toString("hex"));
  const reached = (container: string): QdrantOptions => ({
    name,
    container,
    apiKey,
    tls: false,
    forms: [form],
    contentDigest: options.contentDigest,
  });
  return {
    environment: {
      QDRANT__SERVICE__API_KEY: apiKey.reveal(),
      QDRANT__STORAGE__STORAGE_PATH: directory,
      // On the same volume: beside it, a snapshot would be copied into the container's own layer.
      QDRANT__STORAGE__SNAPSHOTS_PATH: `${directory}/snapshots`,
      QDRANT__TELEMETRY_DISABLED: "true",
    },
    freshVolumes: [directory],
    adapter: (container) => qdrantAdapter(reached(container)),
    async compare(context, container, source) {
      using server = await Server.open(reached(container), name, context.containers, context.signal);
      const chosen = { form, method, only: undefined };
      const examination = await examine(context, server, source.manifest, chosen, false);
      return { ...(await validate(context, server, source, examination)), warnings: server.warnings };
    },
  };
}
