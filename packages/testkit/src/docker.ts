import { currentProcess, livenessOf, newId, processIdentitySchema } from "@sutazai/backup-core";
import { getContainerRuntimeClient, type ContainerRuntimeClient } from "testcontainers";

export type Docker = ContainerRuntimeClient["container"]["dockerode"];

// Everything is removed by whoever made it, and what a killed process left by the next one (`removeLeftovers`):
// that needs no helper image, and unlike Testcontainers' own reaper it works where no image can be pulled.
process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";

const testLabel = "sutazai.test";
const ownerLabel = "sutazai.test.owner";

/** Told apart in labels and names: one per process that uses the testkit. */
export const testRun: string = newId().slice(-6);

/** The Docker engine that the tests use, found the way Testcontainers does. */
export async function docker(): Promise<Docker> {
  return (await getContainerRuntimeClient()).container.dockerode;
}

/** What every container and volume made here carries, so that it is found again if this process dies. */
export async function testLabels(): Promise<Record<string, string>> {
  return { [testLabel]: testRun, [ownerLabel]: JSON.stringify(await currentProcess()) };
}

let swept: Promise<void> | undefined;

/** Removes, once per process, what test processes of this host that have died left behind. */
export function removeLeftovers(): Promise<void> {
  swept ??= sweep();
  return swept;
}

async function sweep(): Promise<void> {
  const engine = await docker();
  const filters = { label: [ownerLabel] };
  for (const { Id, Labels } of await engine.listContainers({ all: true, filters })) {
    if (await ownerIsDead(Labels)) {
      await ignoringAbsence(engine.getContainer(Id).remove({ force: true, v: true }));
    }
  }
  for (const { Name, Labels } of (await engine.listVolumes({ filters })).Volumes ?? []) {
    if (await ownerIsDead(Labels)) await ignoringAbsence(engine.getVolume(Name).remove());
  }
}

async function ownerIsDead(labels: Record<string, string> | null): Promise<boolean> {
  try {
    return (await livenessOf(processIdentitySchema.parse(JSON.parse(labels?.[ownerLabel] ?? "")))) === "dead";
  } catch {
    return false; // Not one of ours: somebody else's label of that name.
  }
}

/** For removals: what is gone already, or is being removed by somebody else, is as wished. */
export async function ignoringAbsence(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: { statusCode?: number }) => {
    if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
  });
}
