// Before the tests on real servers: their processes inherit which image stands for a container as such.
import { testBaseImage } from "../src/images.ts";

export default async function setup(): Promise<void> {
  process.env["BACKUP_TEST_BASE_IMAGE"] = await testBaseImage();
}
