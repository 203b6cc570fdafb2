import { assertIsolatable, assertRestartable, assertSpace } from "@sutazai/backup-containers";
import {
  isStopped,
  BackupError,
  formOf,
  type Manifest,
  type OperationContext,
  type RestoreOptions,
  type RestorePlan,
} from "@sutazai/backup-core";
import { artifactName, formName } from "../backup.ts";
import type { FaissOptions } from "../options.ts";
import type { Target } from "../target.ts";
import { isNewer, libraryVersion } from "../version.ts";
import { rulesAtRestore } from "./rules.ts";

const operation = "faiss.plan";
export const methodName = "replace";

export function assertForm(name: string): void {
  if (name !== formName) throw unsupported(`there is no form ${JSON.stringify(name)}`, `the form is: ${formName}`);
}

/** Checks that the backup fits, and says what will be done. Touches nothing. */
export async function planRestore(
  context: OperationContext,
  target: Target,
  settings: FaissOptions,
  manifest: Manifest,
  options: RestoreOptions,
): Promise<RestorePlan> {
  assertForm(options.form);
  if (options.method !== methodName) {
    throw unsupported(`there is no restore method ${JSON.stringify(options.method)}`, `the method is: ${methodName}`);
  }
  if (options.only !== undefined) {
    throw unsupported(
      "an index is not restored without its set",
      "restore the set into another directory and copy from there",
    );
  }
  if (!formOf(manifest, options.form).artifacts.includes(artifactName)) {
    throw new BackupError("corrupt", `the form ${formName} of ${manifest.id} lacks ${artifactName}`, { operation });
  }
  const { rules, areThoseOfTheBackup } = rulesAtRestore(settings, manifest);
  if (target.container !== undefined) {
    assertRestartable(target.container, { operation, hint: "restore into a container that may be stopped" });
    assertIsolatable(target.container, {
      operation,
      hint: "stop it, then restore by naming the volume instead of the container",
    });
  }
  await assertVersion(context, target, manifest);
  await assertSpace(target.place, context.containers, {
    bytes: manifest.artifacts.find(({ name }) => name === artifactName)?.plain.bytes ?? 0,
    description: target.description,
    operation,
    signal: context.signal,
  });
  const { container, description } = target;
  const name = container?.name;
  return {
    steps: [
      ...(name === undefined ? [] : [`take ${name} off its networks, so that nobody writes before it is validated`]),
      `unpack the set beside the files in ${description}`,
      ...(container === undefined || isStopped(container) ? [] : [`stop ${name}`]),
      "set the present files aside, put those of the backup in their place, one by one",
      `leave as it is, however deep it lies, what is named ${rules.excluded.join(", ")}`,
      "compare the digests of all of them with the backup; where there is a FAISS for it, load the indexes and compare neighbours of stored vectors",
      ...(name === undefined ? [] : [`start ${name}, compare again, put it back on its networks`]),
      "remove what was set aside",
    ],
    warnings: [
      ...manifest.incomplete.map((problem) => `the backup is not complete: ${problem}`),
      ...(areThoseOfTheBackup
        ? []
        : ["`exclude` leaves out more than when this backup was taken: that is not restored from it"]),
    ],
  };
}

async function assertVersion(context: OperationContext, target: Target, manifest: Manifest): Promise<void> {
  const present = await libraryVersion(target.place, context.containers, context.signal);
  if (!isNewer(manifest.serverVersion, present)) return;
  throw new BackupError(
    "incompatible-version",
    `the indexes were written by FAISS ${manifest.serverVersion}, the service has ${present}`,
    { operation, hint: `restore into a service with FAISS ${manifest.serverVersion} or newer` },
  );
}

function unsupported(message: string, hint: string): BackupError {
  return new BackupError("unsupported", message, { operation, hint });
}
