import {
  BackupError,
  compareFingerprints,
  describeDifference,
  formOf,
  type Fingerprint,
  type Manifest,
  type RestoreFacts,
} from "@sutazai/backup-core";
import { readContent, usersFact } from "../fingerprint.ts";
import type { FormName } from "../forms.ts";
import type { Server } from "../server.ts";

/** Compares what the server holds now with the backup; all its databases are online. Throws `mismatch`. */
export async function validate(
  server: Server,
  manifest: Manifest,
  form: FormName,
  keepsSystem: boolean,
): Promise<Omit<RestoreFacts, "warnings">> {
  const answered = (fingerprint: Fingerprint): Fingerprint =>
    keepsSystem ? Object.fromEntries(Object.entries(fingerprint).filter(([name]) => name !== usersFact)) : fingerprint;
  const expected = answered(formOf(manifest, form).fingerprint);
  const fingerprint = answered((await readContent(server)).fingerprint);
  const differences = compareFingerprints(expected, fingerprint);
  if (differences.length === 0) {
    return {
      fingerprint,
      expected,
      evidence: [
        "every database online after the server had started with it",
        "nodes by label, relationships by type, indexes, constraints, and a digest of all nodes and relationships, read over Bolt",
      ],
    };
  }
  throw new BackupError(
    "mismatch",
    `the server does not hold what the backup holds: ${differences.slice(0, 5).map(describeDifference).join("; ")}`,
    {
      operation: "neo4j.validate",
      hint: "the restore is undone; look at the server's debug.log for what it did with the data at its start",
      details: { differences: differences.length },
    },
  );
}
