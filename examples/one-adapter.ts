// One PostgreSQL server into a file, with one adapter and nothing else of the system.
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { standaloneContext } from "@sutazai/backup-containers";
import { Secret } from "@sutazai/backup-core";
import { postgresAdapter } from "@sutazai/backup-postgres";

const [container = "sutazai-postgres", directory = "postgres-backup"] = process.argv.slice(2);
const password = process.env["POSTGRES_PASSWORD"];

const postgres = postgresAdapter({ container, ...(password !== undefined && { password: new Secret(password) }) });
await using context = await standaloneContext(postgres);

const facts = await postgres.backup(context, {
  async write(name, content) {
    const file = join(directory, encodeURIComponent(name));
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await pipeline(content, createWriteStream(file, { mode: 0o600 }));
  },
});
const tables = Object.keys(facts.forms[0]?.fingerprint ?? {}).filter((fact) => fact.includes("/table:"));
console.log(`PostgreSQL ${facts.serverVersion}: ${tables.length} tables in ${directory}`);
if (facts.incomplete.length > 0) throw new Error(`incomplete: ${facts.incomplete.join("; ")}`);
