import { randomBytes } from "node:crypto";
import { formOf, Secret, type DatabaseAdapter, type DrillServer, type Manifest } from "@sutazai/backup-core";
import { writeTar } from "@sutazai/backup-formats";
import { detailsOf } from "./details.ts";
import type { RedisOptions } from "./options.ts";
import { formName } from "./restore/plan.ts";
import { innerPort, whenReady } from "./restore/ready.ts";
import { validate } from "./restore/validate.ts";
import { Server } from "./server.ts";
import { locate } from "./target.ts";

const directory = "/data";
const settingsFile = "sutazai-drill.conf";

/** A server with settings of its own: those of the backup's may be in files that are not in the image, or ask for more memory than there is. */
export function drill(
  options: RedisOptions,
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: RedisOptions) => DatabaseAdapter,
): DrillServer {
  const form = formName(formOf(manifest, wanted).name);
  const password = new Secret(randomBytes(24).toString("hex"));
  const program = `${detailsOf(manifest).product}-server`;
  const reached = (container: string): RedisOptions => ({
    name,
    container,
    password,
    ...(options.forms !== undefined && { forms: options.forms }),
  });
  const settings = {
    "protected-mode": "no",
    requirepass: password.reveal(),
    dir: directory,
    databases: String(databasesIn(manifest, form)),
    appendonly: form === "aof" ? "yes" : "no",
  };
  const text = Object.entries(settings)
    .map(([setting, value]) => `${setting} ${value}\n`)
    .join("");
  return {
    container: {
      // The image's entrypoint loads the modules that come with it, and leaves root.
      command: [program, `/${settingsFile}`],
      files: { "/": writeTar([{ name: settingsFile, content: Buffer.from(text), mode: 0o644 }]) },
      freshVolumes: [directory],
    },
    adapter: (container) => create(reached(container)),
    async compare(context, container, source) {
      const target = await locate(reached(container), name, context.containers);
      await using first = await Server.connect(target, context.signal);
      const ready = await whenReady(context.containers, target, await innerPort(first, target), context.signal);
      await using server = ready.server;
      const facts = await validate(context, ready.target, server, source, form);
      return { ...facts, evidence: ["saved, and the file read back"], warnings: [] };
    },
  };
}

/** A server refuses a file with an index that it does not have. */
function databasesIn(manifest: Manifest, form: string): number {
  const indexes = Object.keys(formOf(manifest, form).fingerprint).map((fact) =>
    Number(/^db:(\d+)\//.exec(fact)?.[1] ?? 0),
  );
  return indexes.reduce((most, index) => Math.max(most, index + 1), 16);
}
