import {
  compareFingerprints,
  describeDifference,
  type ArtifactEntry,
  type Bytes,
  type DatabaseAdapter,
  type FormFacts,
  type Json,
} from "@sutazai/backup-core";
import { inspectAll, type InspectedArtifact } from "./inspect.ts";
import { verification, type Verification } from "./verification.ts";

/** What of a backup is read: a staged one with what the adapter reported, or a published one with its manifest. */
export interface StructureSource {
  readonly artifacts: readonly Pick<ArtifactEntry, "name" | "plain">[];
  readonly forms: readonly FormFacts[];
  /** The adapter's own. */
  readonly details: Json;
  /** The plain bytes of an artifact; throws `corrupt` where they are not what was recorded. */
  read(name: string): Bytes;
}

/**
 * Reads every artifact to its end: those of a form in their own format by the adapter, the others for their digests. Facts that
 * artifacts settle must be those of every form that records them; on which exact facts none says anything is told in the
 * evidence. What is wrong with the backup is a finding; what keeps us from looking is thrown: `cancelled`, `unsupported`, …
 * `scratch` is an existing directory for what the adapter cannot read as it comes; the system's temporary one unless given.
 */
export function verifyStructure(
  source: StructureSource,
  adapter: Pick<DatabaseAdapter, "inspectArtifact">,
  signal: AbortSignal,
  scratch?: string,
): Promise<Verification> {
  return verification("structure", async () => {
    const inspected = await inspectAll(source, adapter, signal, scratch);
    const forms = source.forms.map((form) => examineForm(form, source.forms, inspected));
    const problems = [...inspected.values()].flatMap((artifact) => artifact.problems);
    if (forms.length === 0) problems.push("the backup holds its database in no form");
    return {
      problems: [...problems, ...new Set(forms.flatMap((form) => form.problems))],
      evidence: {
        files: inspected.size,
        bytes: source.artifacts.reduce((sum, { plain }) => sum + plain.bytes, 0),
        factsSettled: forms.reduce((sum, { settled }) => sum + settled, 0),
        notSettled: Object.fromEntries(
          source.forms.flatMap(({ name }, index) => {
            const open = forms[index]?.open ?? [];
            return open.length === 0 ? [] : [[name, open]];
          }),
        ),
      },
    };
  });
}

interface ExaminedForm {
  readonly problems: string[];
  /** How many recorded facts were found, and found so. */
  readonly settled: number;
  /** Exact facts on which no artifact says anything. */
  readonly open: string[];
}

/** Holds what the artifacts of a form say of themselves against what is recorded of it. */
function examineForm(
  form: FormFacts,
  forms: readonly FormFacts[],
  inspected: ReadonlyMap<string, InspectedArtifact>,
): ExaminedForm {
  const problems: string[] = [];
  const found = new Set<string>();
  let settled = 0;
  if (form.artifacts.length === 0) problems.push(`the form "${form.name}" has no artifacts`);
  for (const name of form.artifacts) {
    const artifact = inspected.get(name);
    if (artifact === undefined) {
      problems.push(`the form "${form.name}" lacks its artifact ${name}`);
      continue;
    }
    for (const [fact, actual] of Object.entries(artifact.facts)) {
      if ("absent" in actual) continue; // It does not know either.
      found.add(fact);
      const expected = Object.hasOwn(form.fingerprint, fact) ? form.fingerprint[fact] : undefined;
      if (expected === undefined && isRecorded(fact, name, forms)) continue;
      const differences = compareFingerprints(expected === undefined ? {} : { [fact]: expected }, { [fact]: actual });
      problems.push(...differences.map((difference) => `${name}: ${describeDifference(difference)}`));
      if (differences.length === 0 && expected !== undefined && !("absent" in expected)) settled += 1;
    }
  }
  const open = Object.entries(form.fingerprint).filter(([fact, recorded]) => "exact" in recorded && !found.has(fact));
  return { problems, settled, open: open.map(([fact]) => fact) };
}

/** An artifact of two forms may settle a fact that only one of them records. */
function isRecorded(fact: string, artifact: string, forms: readonly FormFacts[]): boolean {
  return forms.some((form) => form.artifacts.includes(artifact) && Object.hasOwn(form.fingerprint, fact));
}
