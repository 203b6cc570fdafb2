// What is listed after a crash is complete and verifies, and after `recover` each server is as before or as restored.
import { setTimeout as sleep } from "node:timers/promises";
import { fillPostgres, fillRedis, Random, writePostgres, writeRedis, type TestServer } from "@sutazai/backup-testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences, witness } from "../../examples/demo/witness.ts";
import { finished, startPlatform, type Platform } from "./platform.ts";

const full = process.env["BACKUP_TEST_FULL"] === "1";
const seed = Number(process.env["BACKUP_TEST_SEED"] ?? 1);
const moments = full ? 10 : 2;

let platform: Platform;
let random: Random;
/** How long each command takes undisturbed, in ms: crashes are spread over that. */
const duration = { backup: 0, restore: 0 };
let original: Map<string, string>;
let changed: Map<string, string>;
let backupId: Readonly<Record<string, string>>;

/** One small write to each, so that what is there is neither the backup nor what was there before. */
const write = () => Promise.all([writePostgres(platform.postgres), writeRedis(platform.redis)]);
const present = () => witness(platform.postgres, platform.redis);

beforeAll(async () => {
  console.log(`crashes at ${moments} moments of each, seed ${seed}`);
  random = new Random(seed);
  platform = await startPlatform();
  await Promise.all([
    fillPostgres(platform.postgres, { scale: full ? 5 : 0.5 }),
    fillRedis(platform.redis, { keys: full ? 50_000 : 5000 }),
  ]);
  original = await present();
  let started = Date.now();
  const backup = await platform.json(["backup"]);
  duration.backup = Date.now() - started;
  const report = backup.lines.find((line) => line.type === "backup-report")?.report;
  expect(report?.status).toBe("ok");
  backupId = Object.fromEntries(
    report?.databases.map(({ database, backup: taken }) => [database, taken?.id ?? ""]) ?? [],
  );
  await write();
  started = Date.now();
  expect(await platform.run(["restore", "all", "--force"])).toMatchObject({ code: 0 });
  duration.restore = Date.now() - started;
  await write();
  changed = await present();
});
afterAll(() => platform[Symbol.asyncDispose]());

type Victim = "sutazai-backup" | "postgres" | "redis";

async function crash(args: readonly string[], victim: Victim, after: number): Promise<void> {
  const child = platform.start(args);
  const end = finished(child);
  await Promise.race([sleep(after), end]);
  if (victim === "sutazai-backup") child.kill("SIGKILL");
  else await platform[victim].kill();
  await end;
  if (victim !== "sutazai-backup") await platform[victim].start();
}

/** Runs `recover` and checks what must hold after any crash. */
async function expectSound(what: string): Promise<void> {
  const recovered = await platform.run(["recover"]);
  expect(recovered, `${what}: ${recovered.stderr}`).toMatchObject({ code: 0 });
  await Promise.all([platform.postgres, platform.redis].map((server: TestServer) => server.start()));
  const again = await platform.json(["recover"]);
  expect(
    again.lines.find((line) => line.type === "recover-report"),
    what,
  ).toMatchObject({ operations: [], running: [] });
  const verified = await platform.run(["verify"]);
  expect(verified, `${what}: ${verified.stdout}`).toMatchObject({ code: 0 });
}

/** Facts of one server; a crash of one must not be excused by the other. */
const of = (kind: string, facts: ReadonlyMap<string, string>) =>
  new Map([...facts].filter(([name]) => name.startsWith(kind)));

async function expectBeforeOrRestored(what: string): Promise<void> {
  const now = await present();
  for (const kind of ["postgres", "redis"]) {
    const asBefore = differences(of(kind, changed), of(kind, now));
    const asRestored = differences(of(kind, original), of(kind, now));
    expect(
      Math.min(asBefore.length, asRestored.length),
      `${what}: ${kind} is in between: ${asBefore[0]} / ${asRestored[0]}`,
    ).toBe(0);
  }
  // Writers must be welcome again.
  await write();
}

for (const victim of ["sutazai-backup", "postgres", "redis"] as const) {
  for (let moment = 0; moment < moments; moment += 1) {
    test(`kill of ${victim} during a backup, moment ${moment + 1} of ${moments}`, async () => {
      const after = Math.floor(((moment + random.below(1000) / 1000) / moments) * duration.backup);
      await crash(["backup"], victim, after);
      await expectSound(`backup, ${victim} killed after ${after} ms`);
      expect(differences(changed, await present())).toEqual([]);
    });

    test(`kill of ${victim} during a restore, moment ${moment + 1} of ${moments}`, async () => {
      const after = Math.floor(((moment + random.below(1000) / 1000) / moments) * duration.restore);
      const database = victim === "sutazai-backup" ? (["postgres", "redis"][moment % 2] ?? "redis") : victim;
      await crash(["restore", database, "--backup", backupId[database] ?? "", "--force"], victim, after);
      await expectSound(`restore of ${database}, ${victim} killed after ${after} ms`);
      await expectBeforeOrRestored(`restore of ${database}, ${victim} killed after ${after} ms`);
      changed = await present();
    });
  }
}
