import type { Fingerprint, OperationContext } from "@sutazai/backup-core";
import { capture, discard } from "./capture.ts";
import { fingerprintOf } from "./rdb/content.ts";
import type { Server } from "./server.ts";
import type { Target } from "./target.ts";

/**
 * The content of the live server: it saves, and the file is parsed. Exact for that moment, whoever writes. Of both forms alike: they
 * hold the same content. Keys that have expired and that the server has not removed yet are in it, as they are in a backup.
 */
export async function fingerprint(context: OperationContext, target: Target, server: Server): Promise<Fingerprint> {
  const { content } = await capture(context, target, server, discard);
  return fingerprintOf(content);
}
