import { randomBytes } from "node:crypto";
import { localTool } from "@sutazai/backup-containers";
import {
  BackupError,
  outputOf,
  redact,
  textOf,
  toBackupError,
  type Bytes,
  type ContainerRuntime,
  type ToolExit,
  type ToolFailure,
  type ToolProcess,
} from "@sutazai/backup-core";
import { classifyToolExit } from "./classify-error.ts";
import { knowsRestrict, type Cluster } from "./cluster.ts";
import type { Server } from "./server.ts";

const lockWaitMs = 60_000;
const globalsLimit = 64 * 1024 * 1024;

/** PostgreSQL's own client programs: in sidecars of the server's image, or those of this host where there is no container. */
export interface Tools {
  /** `pg_dump --create` of one database as plain SQL; of the moment of `snapshot`, where one is given. */
  dump(database: string, snapshot: string | undefined, signal: AbortSignal): Promise<Bytes>;
  /** `pg_dumpall --globals-only`, whole. */
  dumpGlobals(signal: AbortSignal): Promise<Buffer>;
  /** Replays statements in a database; the first error ends it and is thrown. */
  replay(database: string, statements: Bytes, signal: AbortSignal): Promise<void>;
}

export async function openTools(
  server: Server,
  cluster: Cluster,
  containers: ContainerRuntime,
  signal: AbortSignal,
): Promise<Tools> {
  if (server.container === undefined) await assertLocalTools(server, cluster, signal);

  const failureOf = (tool: string, operation: string): ToolFailure => ({
    tool,
    operation,
    database: server.database,
    classify: (exit: ToolExit) => {
      const safe = { ...exit, stderr: redact(exit.stderr, [server.password]) };
      return classifyToolExit(safe, { tool, operation, database: server.database });
    },
  });

  const start = (
    command: readonly [program: string, ...arguments: string[]],
    variables: Readonly<Record<string, string>>,
    signal: AbortSignal,
    stdin?: Bytes,
  ): Promise<ToolProcess> => {
    const address = server.container === undefined ? server.address : server.sidecarAddress;
    const environment = {
      PGHOST: address.host,
      PGPORT: String(address.port),
      PGUSER: server.user,
      PGAPPNAME: "sutazai-backup",
      PGCONNECT_TIMEOUT: "10",
      PGCLIENTENCODING: "",
      // The same bytes for the same content, whatever the settings of the database or the server.
      PGOPTIONS: [
        "-c default_transaction_read_only=off -c TimeZone=UTC -c bytea_output=hex -c synchronous_commit=off",
        ...(cluster.superuser ? ["-c lc_messages=C"] : []),
      ].join(" "),
      LC_ALL: "C",
      ...(server.password !== undefined && { PGPASSWORD: server.password.reveal() }),
      ...(server.sslMode !== undefined && { PGSSLMODE: server.sslMode }),
      ...variables,
    };
    const fed = stdin === undefined ? {} : { stdin };
    return server.container === undefined
      ? localTool({ command, environment, signal, ...fed })
      : containers.sidecar({
          image: server.container.imageId,
          command,
          purpose: command[0],
          environment,
          networkOf: server.container.id,
          signal,
          ...fed,
        });
  };

  return {
    async dump(database, snapshot, signal) {
      const tool = await start(
        [
          "pg_dump",
          "--format=plain",
          "--create",
          // As pg_upgrade does: what is no key word today may be one where the dump is restored.
          "--quote-all-identifiers",
          "--no-password",
          `--lock-wait-timeout=${lockWaitMs}`,
          ...(snapshot === undefined ? [] : [`--snapshot=${snapshot}`]),
        ],
        // Not as an argument: there a name may be taken for a connection string.
        { PGDATABASE: database },
        signal,
      );
      return outputOf(tool, failureOf("pg_dump", "postgres.dump"));
    },

    async dumpGlobals(signal) {
      const tool = await start(
        ["pg_dumpall", "--globals-only", "--quote-all-identifiers", "--no-password"],
        {},
        signal,
      );
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of outputOf(tool, failureOf("pg_dumpall", "postgres.dump-globals"))) {
        length += chunk.length;
        if (length > globalsLimit) throw new BackupError("unsupported", "the definitions of roles exceed 64 MiB");
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },

    async replay(database, statements, signal) {
      const failure = failureOf("psql", "postgres.replay");
      let fed: unknown;
      const watched = (async function* () {
        try {
          if (knowsRestrict(cluster.versionNumber))
            yield Buffer.from(`\\restrict ${randomBytes(16).toString("hex")}\n`);
          yield* statements;
        } catch (error) {
          fed = error;
          throw error;
        }
      })();
      const tool = await start(
        [
          "psql",
          "--no-psqlrc",
          "--quiet",
          "--no-password",
          "--output=/dev/null",
          "--set=ON_ERROR_STOP=1",
          "--set=VERBOSITY=verbose",
          "--file=-",
        ],
        { PGDATABASE: database },
        signal,
        watched,
      );
      try {
        for await (const _ of outputOf(tool, failure));
      } catch (error) {
        throw toBackupError(fed ?? error, { database: server.database });
      }
      // psql cannot tell an input that broke off from one that ended.
      if (fed !== undefined) throw toBackupError(fed, { database: server.database });
    },
  };
}

async function assertLocalTools(server: Server, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const hint = `install the PostgreSQL ${cluster.major} client programs (postgresql-client-${cluster.major}), or give the server's \`container\``;
  for (const program of ["pg_dump", "pg_dumpall", "psql"]) {
    const tool = await localTool({ command: [program, "--version"], missingHint: hint, signal });
    const text = await textOf(tool, { tool: program, operation: "postgres.probe", database: server.database });
    const major = Number(/\(PostgreSQL\) (\d+)/.exec(text)?.[1] ?? 0);
    if (major < cluster.major) {
      throw new BackupError(
        "incompatible-version",
        `${program} is of version ${major}, older than the server's ${cluster.version}`,
        {
          operation: "postgres.probe",
          database: server.database,
          hint,
        },
      );
    }
  }
}
