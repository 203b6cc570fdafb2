import type yargs from "yargs";
import type { ExitCode } from "./exit-codes.ts";
import type { GlobalArguments } from "./session.ts";

/** One verb: how it reads its arguments, and what it does; returns the exit code. */
export interface Verb<Arguments> {
  readonly command: string;
  readonly describe: string;
  readonly builder: (parser: ReturnType<typeof yargs>) => ReturnType<typeof yargs>;
  readonly run: (args: Arguments & GlobalArguments) => Promise<ExitCode>;
}
