import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, faissContent } from "@sutazai/backup-testkit/conformance";
import { faissAdapter } from "../../src/index.ts";

adapterConformance({
  start: () => startServer("faiss"),
  adapter: ({ name }) => faissAdapter({ container: name }),
  content: faissContent(),
  authenticates: false,
});
