import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, postgresContent } from "@sutazai/backup-testkit/conformance";
import { postgresAdapter } from "../../src/index.ts";

adapterConformance({
  start: () => startServer("postgres"),
  adapter: ({ name, user, password }) => postgresAdapter({ container: name, user, password }),
  content: postgresContent(),
  // Comments, and the keys of psql's `\restrict`, which a restore leaves out.
  insignificant(artifact, content, offset) {
    if (!artifact.startsWith("databases/")) return false;
    const line = content.subarray(content.lastIndexOf(10, offset - 1) + 1, offset + 1).toString("latin1");
    return /^(?:--|\\)/.test(line) && !/^-- (?:Data for )?Name: /.test(line);
  },
});
