import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, chromadbContent } from "@sutazai/backup-testkit/conformance";
import { chromadbAdapter } from "../../src/index.ts";

adapterConformance({
  title: "Chroma by its container",
  start: () => startServer("chromadb"),
  adapter: ({ name }) => chromadbAdapter({ container: name }),
  content: chromadbContent(),
  authenticates: false,
});
