import type { TestServer } from "@sutazai/backup-testkit";
import { demoDatabases } from "./databases.ts";

/** Facts about what servers hold, by kind and name, asked of them with plain client calls: independent of everything a backup does. */
export async function witness(...servers: readonly TestServer[]): Promise<Map<string, string>> {
  const answers = servers.map(async (server) =>
    (await demoDatabases[server.kind].question(server)).map(
      ([name, value]) => [`${server.kind} ${name}`, value] as const,
    ),
  );
  return new Map((await Promise.all(answers)).flat());
}

/** What of `before` is not so any more. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...before].flatMap(([name, value]) =>
    after.get(name) === value ? [] : [`${name}: was ${value}, is ${after.get(name) ?? "gone"}`],
  );
}
