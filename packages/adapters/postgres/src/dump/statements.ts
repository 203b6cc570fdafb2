import { BackupError } from "@sutazai/backup-core";
import { DumpLexer, type DumpHandler } from "./lexer.ts";

/** The statements of a short dump without rows, such as `pg_dumpall --globals-only` makes. Throws `corrupt`. */
export function parseStatements(dump: Uint8Array): string[] {
  const collector = new StatementCollector();
  const lexer = new DumpLexer(collector);
  lexer.push(dump);
  lexer.finish();
  return collector.statements;
}

class StatementCollector implements DumpHandler {
  readonly statements: string[] = [];
  #parts: Uint8Array[] = [];

  comment(): void {}

  command(): void {}

  statement(): void {
    this.#parts = [];
  }

  statementBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#parts.push(new Uint8Array(bytes.subarray(start, end)));
  }

  statementEnd(): void {
    this.statements.push(Buffer.concat(this.#parts).toString("utf8"));
  }

  copyStart(): void {
    throw new BackupError("corrupt", "rows where only definitions are expected", { operation: "postgres.read-dump" });
  }

  copyBytes(): void {}
  row(): void {}
  rowEnd(): void {}
  copyEnd(): void {}
}
