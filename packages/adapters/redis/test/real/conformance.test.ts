import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, redisContent } from "@sutazai/backup-testkit/conformance";
import { redisAdapter } from "../../src/index.ts";

adapterConformance({
  title: "Redis that saves snapshots",
  start: () => startServer("redis"),
  adapter: ({ name, password }) => redisAdapter({ container: name, password }),
  content: redisContent(),
});

adapterConformance({
  title: "Redis with an append-only file",
  start: () => startServer("redis", { arguments: ["--appendonly", "yes"] }),
  adapter: ({ name, password }) => redisAdapter({ container: name, password, forms: ["rdb", "aof"] }),
  content: redisContent(),
  variant: true,
});
