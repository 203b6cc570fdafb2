import { Secret, type AdapterCapabilities } from "@sutazai/backup-core";
import { expect, test } from "vitest";
import { advisedFailureOf, failureOf, firstWay } from "./expectations.ts";
import { nowhere, type Workbench } from "./workbench.ts";

export function refusals(
  use: () => Workbench,
  capabilities: AdapterCapabilities,
  { authenticates }: { readonly authenticates: boolean },
): void {
  test("a wrong password is `authentication`, says what to change, and nothing is written", async ({ skip }) => {
    if (!authenticates) skip("this kind has no passwords");
    const bench = use();
    const backup = await bench.sample();
    await bench.refill();
    const before = await bench.state();
    const misled = bench.misled({ password: new Secret("not the password") });
    await advisedFailureOf(
      bench.call((context) => misled.probe(context)),
      misled.name,
      "authentication",
    );
    const written: string[] = [];
    const attempt = bench.call((context) => misled.backup(context, { write: async (name) => void written.push(name) }));
    await advisedFailureOf(attempt, misled.name, "authentication");
    expect(written).toEqual([]);
    const way = firstWay(capabilities);
    const restore = bench.call(async (context) => {
      await misled.planRestore(context, backup.manifest, way);
      await misled.fence(context, way);
      await misled.restore(context, backup, way);
    });
    await advisedFailureOf(restore, misled.name, "authentication");
    // A server may lock out who has given wrong passwords too often: until it answers again.
    await bench.recover();
    expect(await bench.changesSince(before)).toEqual([]);
  });

  test("a server that is stopped is told, with what to do", async () => {
    const bench = use();
    await bench.refill();
    const before = await bench.state();
    await bench.server.stop();
    for (const attempt of [
      () => bench.call((context) => bench.adapter.probe(context)),
      () => bench.backup(),
      () => bench.call((context) => bench.adapter.fingerprint(context, firstWay(capabilities).form)),
    ]) {
      await advisedFailureOf(attempt(), bench.adapter.name, "connection", "not-found", "unsupported");
    }
    await bench.server.start();
    expect(await bench.changesSince(before)).toEqual([]);
  });

  test("a server that is not there is told", async () => {
    const bench = use();
    const misled = bench.misled(nowhere);
    await advisedFailureOf(
      bench.call((context) => misled.probe(context)),
      misled.name,
      "not-found",
      "connection",
    );
  });

  test("what no adapter knows is refused before anything is touched: form, method", async () => {
    const bench = use();
    const { manifest } = await bench.sample();
    const way = firstWay(capabilities);
    for (const wrong of [
      { ...way, form: "no such form" },
      { ...way, method: "no such method" },
    ]) {
      const attempt = bench.call((context) => bench.adapter.planRestore(context, manifest, wrong));
      await failureOf(attempt, bench.adapter.name, "not-found", "unsupported");
    }
    const unknown = bench.call((context) => bench.adapter.fingerprint(context, "no such form"));
    await failureOf(unknown, bench.adapter.name, "not-found", "unsupported");
  });

  test("a piece of the whole can be asked for only where the adapter says so, and must exist", async () => {
    const bench = use();
    const { manifest } = await bench.sample();
    const piece = { ...firstWay(capabilities), only: "no such piece" };
    const attempt = bench.call((context) => bench.adapter.planRestore(context, manifest, piece));
    await advisedFailureOf(attempt, bench.adapter.name, capabilities.restoresPart ? "not-found" : "unsupported");
  });

  test("a backup of a later version of the server is refused before anything is touched", async () => {
    const bench = use();
    const backup = await bench.sample();
    const manifest = { ...backup.manifest, serverVersion: "999.0.0" };
    const attempt = bench.call((context) => bench.adapter.planRestore(context, manifest, firstWay(capabilities)));
    const { message } = await advisedFailureOf(attempt, bench.adapter.name, "incompatible-version");
    const { version } = await bench.call((context) => bench.adapter.probe(context));
    expect(message, "both versions").toContain("999.0.0");
    expect(message, "both versions").toContain(version);
  });
}
