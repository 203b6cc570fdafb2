export { redisAdapter } from "./adapter.ts";
export { formNames, redisOptionsSchema, type FormName, type RedisOptions } from "./options.ts";
export { classifyError } from "./classify-error.ts";
export { fingerprintOf, type DatabaseContent, type RdbContent, type ValueKind } from "./rdb/content.ts";
export { parseRdb, RdbParser, type RdbOptions } from "./rdb/parser.ts";
