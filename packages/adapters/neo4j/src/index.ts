export { neo4jAdapter } from "./adapter.ts";
export { neo4jOptionsSchema, type Neo4jOptions } from "./options.ts";
