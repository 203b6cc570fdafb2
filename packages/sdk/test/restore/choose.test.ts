import { BackupError, type Store } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { chooseBackup } from "../../src/restore/choose.ts";

test("where there are backups and none can be read, that is said, and not that there is none", async () => {
  const problem = new BackupError("permission", "manifest.json: EACCES");
  const unread = ["one", "two"].map((id) => ({ id, database: "db", problem }));
  const store = { location: "/backups", list: async () => unread } as unknown as Store;
  await expect(chooseBackup(store, "db", "restore")).rejects.toMatchObject({
    reason: "permission",
    message: "of the 2 backups of db in /backups none can be read: manifest.json: EACCES",
    hint: expect.stringContaining("disk"),
  });
});
