import { formatDuration } from "@sutazai/backup-reporter";
import { fail, pass, type Check } from "../check.ts";

export const drillChecks: readonly Check[] = [
  {
    id: "drill.restored",
    layer: "drill",
    title: "The newest good backup is restored into a throwaway server and compared",
    each: "database",
    needs: ["docker", "backup"],
    effect: "writes",
    alone: true,
    limit: "database",
    run: async (subject, { name }, signal) => {
      const { databases } = await (await subject.opened()).system.drill({ databases: [name], signal });
      const result = databases[0];
      if (result === undefined) return fail("it was not tried", `sutazai-backup verify ${name} --level restore`);
      const { verdict, error, rto, backup } = result;
      if (verdict === "proven")
        return pass(`${backup?.id ?? ""}${rto === undefined ? "" : `, restored in ${formatDuration(rto.ms)}`}`);
      const failed = fail(
        `${error?.reason}: ${error?.message}`,
        error?.hint ?? `sutazai-backup verify ${name} --level restore`,
      );
      return verdict === "damaged" ? { ...failed, isDamage: true } : failed;
    },
  },
];
