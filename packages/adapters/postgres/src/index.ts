export { postgresAdapter } from "./adapter.ts";
export { postgresOptionsSchema, type PostgresOptions } from "./options.ts";
