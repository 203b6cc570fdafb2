import { formOf, type AdapterCapabilities, type RestoreMethod, type RestoreOptions } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { Fault } from "../fault.ts";
import { inChunks, type MemoryBackup } from "../memory-backup.ts";
import { expectEqual, failureOf, firstWay, waysToRestore } from "./expectations.ts";
import type { Depth, Workbench } from "./workbench.ts";

export function roundTrips(use: () => Workbench, capabilities: AdapterCapabilities, { brief }: Depth): void {
  const captured = capabilities.forms.filter(({ byDefault }) => byDefault).map(({ name }) => name);

  test("a backup records what the live server says, in every form", async () => {
    const bench = use();
    await bench.refill();
    const { manifest, artifacts } = await bench.backup();
    expect(manifest.empty).toBe(false);
    expect(manifest.incomplete).toEqual([]);
    expect(manifest.forms.map(({ name }) => name)).toEqual(expect.arrayContaining(captured));
    expect(new Set(manifest.forms.flatMap((form) => form.artifacts))).toEqual(new Set(artifacts.keys()));
    for (const { name, fingerprint } of manifest.forms) {
      expect(Object.keys(fingerprint).length, `facts of ${name}`).toBeGreaterThan(0);
      expect(Object.values(fingerprint).some((fact) => "exact" in fact || "bounds" in fact)).toBe(true);
      expectEqual(fingerprint, await bench.call((context) => bench.adapter.fingerprint(context, name)));
    }
  });

  test("reading an artifact back tells the facts that were recorded", async () => {
    const bench = use();
    const { manifest, artifacts } = await bench.sample();
    for (const { name: form, artifacts: names, fingerprint } of manifest.forms) {
      for (const name of names) {
        const { facts } = await inspectAll(bench, name, artifacts.get(name), manifest.details);
        const recorded = Object.fromEntries(
          Object.keys(facts).map((fact) => [fact, fingerprint[fact] ?? { absent: "" }]),
        );
        for (const [fact, value] of Object.entries(recorded)) {
          expect(value, `${fact}, found in ${name}, is recorded in form ${form}`).not.toEqual({ absent: "" });
        }
        expectEqual(recorded, facts);
      }
    }
  });

  for (const way of waysToRestore(capabilities)) {
    const keepsOut = capabilities.restoreMethods.some(({ name, fence }) => name === way.method && isExclusive(fence));
    const meanwhile = keepsOut ? ", and nobody can write meanwhile" : "";
    test(`what was destroyed comes back${meanwhile}: form ${way.form}, method ${way.method}`, async () => {
      const bench = use();
      await bench.refill();
      const backup = await bench.backup();
      if (await isRefused(bench, backup, way)) return;
      await bench.content.empty(bench.server);
      expect(await bench.changesSince({ [way.form]: fingerprintOf(backup, way) })).not.toEqual([]);

      const whileFenced = () => expectNoWriters(bench);
      const facts = await bench.restore(backup, way, keepsOut ? { whileFenced } : {});
      expectEqual(facts.expected, fingerprintOf(backup, way));
      expectEqual(facts.expected, facts.fingerprint);
      expect(facts.evidence).not.toEqual([]);
      expect(await bench.changesSince({ [way.form]: fingerprintOf(backup, way) })).toEqual([]);
      await bench.server.restart();
      expect(await bench.changesSince({ [way.form]: fingerprintOf(backup, way) }), "after a restart").toEqual([]);
      await bench.content.write(bench.server);
    });

    // The failing steps end with that.
    if (brief) continue;
    test(`undoing a restore puts back what was before it: form ${way.form}, method ${way.method}`, async () => {
      const bench = use();
      await bench.refill();
      const backup = await bench.backup();
      if (await isRefused(bench, backup, way)) return;
      await bench.content.change(bench.server);
      const before = await bench.state();
      expectEqual(fingerprintOf(backup, way), (await bench.restore(backup, way, { settle: "undo" })).fingerprint);
      expect(await bench.changesSince(before)).toEqual([]);
      await bench.server.restart();
      expect(await bench.changesSince(before), "after a restart").toEqual([]);
      await bench.content.write(bench.server);
    });
  }

  test("each form can be restored in some way", async () => {
    const bench = use();
    const backup = await bench.sample();
    for (const { name: form } of backup.manifest.forms) {
      const ways = waysToRestore(capabilities).filter((way) => way.form === form);
      const refused = await Promise.all(ways.map((way) => isRefused(bench, backup, way)));
      expect(refused, form).toContain(false);
    }
  });

  test("an empty database is backed up as empty, and restored as that", async () => {
    const bench = use();
    await bench.content.empty(bench.server);
    const backup = await bench.backup();
    expect(backup.manifest.empty).toBe(true);
    const way = firstWay(capabilities);
    await bench.content.fill(bench.server);
    await bench.restore(backup, way);
    expect(await bench.changesFromRestored(way.form, fingerprintOf(backup, way))).toEqual([]);
  });

  test("hostile names and values come back", async () => {
    const bench = use();
    await bench.content.empty(bench.server);
    await bench.content.fillHostile(bench.server);
    const backup = await bench.backup();
    for (const [name, content] of backup.artifacts) await inspectAll(bench, name, content, backup.manifest.details);
    for (const way of waysToRestore(capabilities)) {
      if (await isRefused(bench, backup, way)) continue;
      await bench.content.empty(bench.server);
      await bench.restore(backup, way);
      expect(await bench.changesSince({ [way.form]: fingerprintOf(backup, way) }), JSON.stringify(way)).toEqual([]);
    }
    await bench.content.empty(bench.server);
  });

  test("a backup taken while applications write restores to what it recorded", async () => {
    const bench = use();
    await bench.refill();
    const fault = new Fault(0, () => bench.content.change(bench.server));
    const backup = await bench.backup({ fault });
    expect(fault.happened).toBe(true);
    const way = firstWay(capabilities);
    await bench.content.empty(bench.server);
    const facts = await bench.restore(backup, way);
    expectEqual(fingerprintOf(backup, way), facts.fingerprint);
  });

  test("planning a restore and inspecting change nothing", async () => {
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    await bench.content.change(bench.server);
    const before = await bench.state();
    const plan = await bench.call((context) =>
      bench.adapter.planRestore(context, backup.manifest, firstWay(capabilities)),
    );
    expect(plan.steps).not.toEqual([]);
    const probe = await bench.call((context) => bench.adapter.probe(context));
    expect(probe.version).toMatch(/\d/);
    expect(await bench.changesSince(before)).toEqual([]);
  });

  if (brief) return;
  test("two backups at the same time are both complete", async () => {
    const bench = use();
    await bench.refill();
    const before = await bench.state();
    for (const outcome of await Promise.allSettled([bench.backup(), bench.backup()])) {
      if (outcome.status === "rejected") throw outcome.reason;
      for (const { name, fingerprint } of outcome.value.manifest.forms) expectEqual(fingerprint, before[name] ?? {});
    }
  });
}

/** Not every form need go with every method; one that does not must say so before anything is touched. */
async function isRefused(bench: Workbench, backup: MemoryBackup, way: RestoreOptions): Promise<boolean> {
  const plan = bench.call((context) => bench.adapter.planRestore(context, backup.manifest, way));
  if (
    await plan.then(
      () => true,
      () => false,
    )
  )
    return false;
  const error = await failureOf(plan, bench.adapter.name, "unsupported");
  expect(error.hint, "which ways there are").toMatch(/\w/);
  return true;
}

function fingerprintOf(backup: MemoryBackup, way: RestoreOptions) {
  return formOf(backup.manifest, way.form).fingerprint;
}

function expectNoWriters({ content, server }: Workbench): Promise<void> {
  return expect(content.write(server)).rejects.toThrow();
}

function isExclusive(fence: RestoreMethod["fence"]): boolean {
  return fence === "isolated" || fence === "read-only";
}

async function inspectAll(
  bench: Workbench,
  name: string,
  content: Buffer | undefined,
  details: MemoryBackup["manifest"]["details"],
) {
  return bench.adapter.inspectArtifact(name, inChunks(content ?? Buffer.alloc(0), 7_919), {
    details,
    signal: new AbortController().signal,
  });
}
