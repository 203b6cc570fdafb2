import { ROOT_CONTEXT, SpanStatusCode, trace, type Attributes, type Context } from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import { TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import type { RecordedDatabase, RecordedRun } from "./recording.ts";

interface Described {
  readonly name: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Attributes;
  /** Why it did not go well. */
  readonly failure?: { readonly type: string; readonly message: string } | undefined;
}

/** One trace for each run, below the one that is handed in as `traceparent` (W3C): the run, in it its databases, in them their steps. */
export function spansOf(runs: readonly RecordedRun[], resource: Resource, traceparent?: string): ReadableSpan[] {
  const ended: ReadableSpan[] = [];
  const nothing = () => Promise.resolve();
  const collector = { onStart: () => undefined, onEnd: (span: ReadableSpan) => void ended.push(span) };
  const provider = new TracerProvider({
    resource,
    spanProcessors: [{ ...collector, forceFlush: nothing, shutdown: nothing }],
  });
  const tracer = provider.getTracer("@sutazai/backup-reporter");
  const within = (parent: Context, described: Described, children: (inside: Context) => void): void => {
    const { name, startedAt, endedAt, attributes, failure } = described;
    const span = tracer.startSpan(name, { startTime: startedAt, attributes }, parent);
    children(trace.setSpan(parent, span));
    if (failure !== undefined) {
      span.setAttribute("error.type", failure.type);
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
    }
    span.end(endedAt);
  };
  const caller = contextOf(traceparent);
  for (const run of runs) {
    within(caller, describeRun(run), (inRun) => {
      for (const database of run.databases) {
        within(inRun, describeDatabase(run.command, database), (inDatabase) => {
          for (const { step, bytes, ...times } of database.steps) {
            const attributes = { "sutazai.backup.bytes": bytes };
            within(inDatabase, { name: step, ...times, attributes }, () => undefined);
          }
        });
      }
    });
  }
  return ended;
}

/** What is no trace parent is as none: so the specification has it. */
function contextOf(traceparent = ""): Context {
  const caller = parseTraceParent(traceparent);
  return caller === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true });
}

function describeRun({ command, runId, status, error, databases, startedAt, endedAt }: RecordedRun): Described {
  const failed = databases.flatMap((each) => failureOf(each)?.message.replace(/^/, `${each.database}: `) ?? []);
  return {
    name: command,
    startedAt,
    endedAt,
    attributes: { "sutazai.backup.command": command, "sutazai.backup.run_id": runId, "sutazai.backup.status": status },
    failure: failureOf({ status, error }, failed.join("; ")),
  };
}

function describeDatabase(command: string, database: RecordedDatabase): Described {
  const { startedAt, endedAt, stepsLeftOut } = database;
  return {
    name: `${command} ${database.database}`,
    startedAt,
    endedAt,
    attributes: {
      "sutazai.backup.database": database.database,
      "sutazai.backup.kind": database.kind,
      "sutazai.backup.status": database.status,
      "sutazai.backup.id": database.backup,
      "sutazai.backup.content_bytes": database.plainBytes,
      "sutazai.backup.stored_bytes": database.storedBytes,
      "sutazai.backup.freed_bytes": database.freedBytes,
      "sutazai.backup.steps_left_out": stepsLeftOut === 0 ? undefined : stepsLeftOut,
    },
    failure: failureOf(database),
  };
}

/** Only what went well as a whole is no error. */
function failureOf({ status, error }: Pick<RecordedRun, "status" | "error">, because = ""): Described["failure"] {
  if (error !== undefined) return { type: error.reason, message: `${error.reason}: ${error.message}` };
  return status === "ok" ? undefined : { type: status, message: because || status };
}
