import { formOf, type DatabaseAdapter, type DrillServer, type Manifest } from "@sutazai/backup-core";
import { detailsOf } from "./details.ts";
import { compareNeighbours } from "./neighbours.ts";
import { rulesOf, type FaissOptions } from "./options.ts";
import { assertForm } from "./restore/plan.ts";
import { assertSame, expectedOf, readBack } from "./restore/validate.ts";
import { locate } from "./target.ts";

const directory = "/sutazai-drill";

// In place of the service, which may need settings and other servers that are not there: the image's FAISS is what reads the files.
const idle = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

export function drill(
  options: FaissOptions,
  name: string,
  manifest: Manifest,
  wanted: string,
  create: (options: FaissOptions) => DatabaseAdapter,
): DrillServer {
  assertForm(formOf(manifest, wanted).name);
  const { indexes, ids } = options;
  // As it was taken, whatever the settings leave out by now: all of it is tried.
  const { exclude = options.exclude, neighbours = [] } = detailsOf(manifest);
  const reached = (container: string): FaissOptions => ({
    name,
    container,
    directory,
    ...(indexes !== undefined && { indexes }),
    ...(exclude !== undefined && { exclude }),
    ...(ids !== undefined && { ids }),
  });
  const rules = rulesOf(reached(""));
  return {
    container: { entrypoint: ["sh", "-c", idle], command: [], user: "0:0", freshVolumes: [directory] },
    adapter: (container) => create(reached(container)),
    async compare(context, container, source) {
      const { place } = await locate(reached(container), context.containers);
      const found = await readBack(context, place, rules);
      const expected = expectedOf(source.manifest);
      assertSame(expected, found.fingerprint);
      const compared = await compareNeighbours(context, place, found, neighbours);
      return {
        fingerprint: found.fingerprint,
        expected,
        evidence: ["the digests of all files", ...(compared === undefined ? [] : [compared])],
        warnings: [],
      };
    },
  };
}
