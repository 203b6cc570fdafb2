// A service that backs up its own databases: the sdk, with results as data.
import { createBackupSystem, localStore, postgresAdapter, redisAdapter, Secret } from "@sutazai/backup-sdk";

const [directory = "backups", postgres = "sutazai-postgres", redis = "sutazai-redis"] = process.argv.slice(2);
const secret = (name: string) => new Secret(process.env[name] ?? "");

const system = createBackupSystem({
  databases: [
    postgresAdapter({ container: postgres, password: secret("POSTGRES_PASSWORD") }),
    redisAdapter({ container: redis, password: secret("REDIS_PASSWORD") }),
  ],
  store: localStore({ path: directory }),
});

const report = await system.backup({ signal: AbortSignal.timeout(30 * 60_000) });
for (const { database, status, backup, error } of report.databases) {
  console.log(database, status, backup?.id ?? error?.message);
}
process.exitCode = report.status === "ok" ? 0 : 1;
