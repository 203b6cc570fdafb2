import { randomBytes } from "node:crypto";
import {
  BackupError,
  compareFingerprints,
  formOf,
  Secret,
  type DatabaseAdapter,
  type DrillServer,
  type Manifest,
  type OperationContext,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { listCollections } from "./collections.ts";
import { readDetails } from "./details.ts";
import { fingerprint, formName } from "./fingerprint.ts";
import { changedNeighbours } from "./neighbours.ts";
import type { FormName, QdrantOptions } from "./options.ts";
import { untilIndexed } from "./replace.ts";
import { Server } from "./server.ts";

const directory = "/qdrant/storage";

export function drill(
  options: QdrantOptions,
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: QdrantOptions) => DatabaseAdapter,
): DrillServer {
  const form = formName(formOf(manifest, wanted).name);
  const apiKey = new Secret(randomBytes(24).toString("hex"));
  const reached = (container: string): QdrantOptions => ({
    name,
    container,
    apiKey,
    tls: false,
    forms: [form],
    directory,
    contentDigest: options.contentDigest,
  });
  return {
    container: {
      environment: {
        QDRANT__SERVICE__API_KEY: apiKey.reveal(),
        QDRANT__STORAGE__STORAGE_PATH: directory,
        // On the same volume: beside it, a snapshot would be copied into the container's own layer.
        QDRANT__STORAGE__SNAPSHOTS_PATH: `${directory}/snapshots`,
        QDRANT__TELEMETRY_DISABLED: "true",
      },
      freshVolumes: [directory],
    },
    adapter: (container) => create(reached(container)),
    async compare(context, container, source) {
      using server = await Server.open(reached(container), name, context.containers, context.signal);
      return { ...(await compare(context, server, source.manifest, form)), warnings: server.warnings };
    },
  };
}

/** All that the server has, and where that is what was backed up, the neighbours as well. */
async function compare(
  context: OperationContext,
  server: Server,
  manifest: Manifest,
  form: FormName,
): Promise<Omit<RestoreFacts, "warnings">> {
  const { signal } = context;
  for (const collection of await listCollections(server, signal)) await untilIndexed(server, collection, signal);
  const expected = formOf(manifest, form).fingerprint;
  const withContent = Object.entries(expected).some(([fact, value]) => fact.endsWith("/content") && "exact" in value);
  const found = await fingerprint(context, server, form, withContent);
  const evidence = ["configuration, payload indexes, points and aliases read from the server once all was indexed"];
  if (compareFingerprints(expected, found).length > 0) return { fingerprint: found, expected, evidence };
  let compared = 0;
  for (const { name, artifacts, neighbours } of readDetails(manifest).collections) {
    if (form === "data" || artifacts[form] === undefined) continue;
    const changed = await changedNeighbours(server, name, neighbours, signal);
    compared += neighbours.length;
    if (changed.length > 0) {
      throw new BackupError("mismatch", changed.slice(0, 5).join("; "), {
        operation: "qdrant.compare",
        hint: "the points are those of the backup, so look at the server's version and its log",
      });
    }
  }
  if (compared > 0) evidence.push(`the nearest neighbours of ${compared} stored vectors are those of the backup`);
  return { fingerprint: found, expected, evidence };
}
