/** A value as JSON holds it. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A value as JSON keeps it: what has no place there (undefined, functions) is left out, secrets are redacted. */
export function toJson(value: object): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
