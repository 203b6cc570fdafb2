import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, neo4jContent } from "@sutazai/backup-testkit/conformance";
import { neo4jAdapter } from "../../src/index.ts";

adapterConformance({
  start: () => startServer("neo4j"),
  adapter: ({ name, password }) => neo4jAdapter({ container: name, password }),
  content: neo4jContent({ nodes: 500 }),
  slow: true,
});
