import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, qdrantContent } from "@sutazai/backup-testkit/conformance";
import { qdrantAdapter } from "../../src/index.ts";

adapterConformance({
  title: "Qdrant by snapshots",
  start: () => startServer("qdrant"),
  adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password, exact: true }),
  content: qdrantContent({ points: 400 }),
});

adapterConformance({
  title: "Qdrant by exported points",
  start: () => startServer("qdrant"),
  adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password, forms: ["scroll"], exact: true }),
  content: qdrantContent({ points: 200 }),
  variant: true,
});

adapterConformance({
  title: "Qdrant by its storage directory",
  start: () => startServer("qdrant"),
  adapter: ({ name, password }) => qdrantAdapter({ container: name, apiKey: password, forms: ["data"] }),
  content: qdrantContent({ points: 200 }),
  slow: true,
  variant: true,
});
