import type { Info } from "./server.ts";

export type Product = "redis" | "valkey";

export function productOf(info: Info): Product {
  return info["valkey_version"] === undefined ? "redis" : "valkey";
}

/** Of the product itself: `8.0.2`. */
export function serverVersion(info: Info): string {
  return info["valkey_version"] ?? info["redis_version"] ?? "unknown";
}

export function majorOf(version: string): number {
  return Number.parseInt(version, 10) || 0;
}

/** Since when which version of the RDB format is read; `redis_version` is what Valkey also gives, as the version that it is compatible with. */
const readSince: readonly (readonly [rdb: number, redis: string])[] = [
  [12, "7.4"],
  [11, "7.2"],
  [10, "7.0"],
  [9, "5.0"],
  [8, "4.0"],
  [7, "3.2"],
];

/** The newest version of the RDB format that this server is known to read. */
export function newestReadable(info: Info): number {
  const version = (info["redis_version"] ?? "").split(".").map(Number);
  const match = readSince.find(([, since]) => {
    const [major, minor] = since.split(".").map(Number);
    return (version[0] ?? 0) > major! || (version[0] === major && (version[1] ?? 0) >= minor!);
  });
  return match?.[0] ?? 6;
}

/** The first Redis that reads this version of the format, for people. */
export function readableSince(rdbVersion: number): string {
  return readSince.find(([rdb]) => rdb === rdbVersion)?.[1] ?? "a newer version";
}
