import { resolve } from "node:path";
import {
  assertMayWrite,
  BackupError,
  configText,
  defaultDirectories,
  dockerRuntime,
  initFile,
  proposeDatabases,
  recommendedSchedule,
  secretOptions,
  startingConfig,
  tryDatabase,
  writeConfig,
  type ConfiguredDatabase,
  type ProposedDatabase,
} from "@sutazai/backup-sdk";
import { runBareVerb, type BareSession } from "../bare-verb.ts";
import { exitCode, type ExitCode } from "../exit-codes.ts";
import { noQuestions, type Questions } from "../init/questions.ts";
import { formatInit } from "../printers/init.ts";
import type { GlobalArguments } from "../session.ts";
import type { Verb } from "../verb.ts";

interface InitArguments {
  readonly yes?: boolean;
  readonly output: string;
  readonly force?: boolean;
}

export const initCommand: Verb<InitArguments> = {
  command: "init",
  describe: "Write a first configuration: look for databases, ask, connect to each, explain every setting",
  builder: (parser) =>
    parser
      .option("yes", { type: "boolean", alias: "y", describe: "Ask nothing: what is known by name or label, hourly" })
      .option("output", { type: "string", default: initFile, requiresArg: true, describe: "Write it to this file" })
      .option("force", { type: "boolean", describe: "Replace a file that is there" }),
  run: (args) => runBareVerb(args, (session) => init(args, session)),
};

const containers = dockerRuntime();

async function init(args: InitArguments & GlobalArguments, { printer, signal }: BareSession): Promise<ExitCode> {
  const { output, force = false } = args;
  await assertMayWrite(output, { force });
  const questions = await questionsOf(args, signal);
  const proposed = await proposeDatabases(containers);
  const wanted = proposed.length === 0 ? [] : await answered(questions.which(proposed));
  if (wanted.length === 0) throw nothingToBackUp(proposed);
  const databases: ConfiguredDatabase[] = [];
  for (const database of wanted) databases.push(await configure(database, questions, signal));
  const dir = resolve(await answered(questions.dir(args.dir ?? defaultDirectories().store)));
  const schedule = await answered(questions.schedule(recommendedSchedule));
  if (!(await answered(questions.write(output)))) throw cancelled();

  const { config, about } = startingConfig({ dir, schedule, databases });
  await writeConfig(output, configText(config, about), { force });
  const left = proposed.filter(({ container }) => wanted.every((each) => each.container !== container));
  const found = databases.map(({ tried }) => ({
    name: tried.name,
    kind: tried.kind,
    container: tried.container,
    ...(tried.error === undefined ? { version: tried.probe.version } : { error: tried.error }),
  }));
  const result = { path: resolve(output), dir, schedule, databases: found, left };
  printer.result("configuration-written", result, () => formatInit(result));
  return found.some((each) => "error" in each) ? exitCode.partial : exitCode.ok;
}

async function questionsOf({ yes, json }: InitArguments & GlobalArguments, signal: AbortSignal): Promise<Questions> {
  if (yes === true) return noQuestions;
  if (process.stdin.isTTY && json !== true) return (await import("../init/terminal.ts")).terminalQuestions(signal);
  throw new BackupError("refused", "there is nobody to ask", {
    operation: "init",
    hint: "run it in a terminal, or with --yes",
  });
}

async function configure(
  database: ProposedDatabase,
  questions: Questions,
  signal: AbortSignal,
): Promise<ConfiguredDatabase> {
  const tried = await tryDatabase(containers, database, {}, signal);
  const [secret] = secretOptions(database.kind);
  if (tried.error?.reason !== "authentication" || secret === undefined) return { tried, options: {} };
  const path = await answered(questions.secretFile(tried, secret));
  if (path === undefined) return { tried, options: {} };
  const options = { [`${secret}File`]: resolve(path) };
  return { tried: await tryDatabase(containers, database, options, signal), options };
}

/** Ctrl-C at a question is thrown by the prompt. */
async function answered<Answer>(question: Promise<Answer>): Promise<Answer> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof Error && ["ExitPromptError", "AbortPromptError"].includes(error.name)) throw cancelled();
    throw error;
  }
}

function cancelled(): BackupError {
  return new BackupError("cancelled", "nothing was written", { operation: "init" });
}

function nothingToBackUp(proposed: readonly ProposedDatabase[]): BackupError {
  const like = proposed.map(({ container, kind }) => `${container} looks like ${kind}`).join(", ");
  const message = `there is nothing to back up: ${like === "" ? "no container looks like a database" : like}`;
  return new BackupError("not-found", message, {
    operation: "init",
    hint: "start the databases; choose them without --yes, call their containers sutazai-<kind>, or label them sutazai.backup=<kind>",
  });
}
