import type { ArtifactSink, BackupFacts, OperationContext } from "@sutazai/backup-core";
import { capture } from "./capture.ts";
import { detailsAsJson } from "./details.ts";
import { recordNeighbours } from "./neighbours.ts";
import type { SetRules } from "./options.ts";
import type { Target } from "./target.ts";
import { libraryVersion } from "./version.ts";

export const formName = "data";
export const artifactName = "data.tar";

export async function backup(
  context: OperationContext,
  target: Target,
  rules: SetRules,
  sink: ArtifactSink,
): Promise<BackupFacts> {
  const library = await libraryVersion(target.place, context.containers, context.signal);
  const taken = await capture(context, target, rules, (tar) => sink.write(artifactName, tar));
  const { content, frozenMs } = taken;
  const { neighbours, warnings } = await recordNeighbours(context, target.place, content);
  return {
    serverVersion: library,
    forms: [
      {
        name: formName,
        method: taken.method,
        capture: taken.capture,
        pausedMs: frozenMs,
        artifacts: [artifactName],
        fingerprint: content.fingerprint,
        notCovered: [
          "what the service holds in memory and has not saved",
          "extended attributes and access control lists of files; times below a second",
          `files named ${rules.excluded.join(", ")}`,
        ],
      },
    ],
    incomplete: content.problems,
    warnings: [...content.warnings, ...warnings],
    empty: content.isEmpty,
    details: detailsAsJson({ library, exclude: rules.exclude, neighbours }),
  };
}
