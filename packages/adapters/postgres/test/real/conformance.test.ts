import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, postgresContent } from "@sutazai/backup-testkit/conformance";
import { postgresAdapter } from "../../src/index.ts";

adapterConformance({
  title: "PostgreSQL",
  start: () => startServer("postgres"),
  adapter: ({ name, user, password }) => postgresAdapter({ container: name, user, password }),
  content: postgresContent(),
  leavesOthers: true,
});
