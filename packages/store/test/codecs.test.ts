import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { codecs, createCodec } from "@sutazai/backup-compressor";
import { codecNames } from "@sutazai/backup-core";
import { describe, expect, it } from "vitest";
import { bytesOf, collect, draftOf, openStore } from "./support.ts";

describe.each(codecNames)("with the real codec %s", (name) => {
  it("gives back what was stored, and no more than a part of what is damaged", async () => {
    const store = await openStore({ codec: createCodec({ name }), codecOf: (other) => codecs[other] });
    const chunks = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? randomBytes(20_011) : Buffer.alloc(30_007, index),
    );
    const whole = Buffer.concat(chunks);
    await using staged = await store.begin("redis", "redis");
    await staged.write("dump.rdb", bytesOf(...chunks));
    expect((await collect(staged.read("dump.rdb"))).equals(whole)).toBe(true);
    const { id, artifacts } = await staged.publish(draftOf(["dump.rdb"]));
    const file = `dump.rdb${codecs[name].suffix}`;
    expect(artifacts.map((artifact) => artifact.file)).toEqual([file]);

    const path = join(store.location, "redis", id, file);
    const good = await readFile(path);
    const source = await store.open(id);
    for (let at = 3; at < good.length; at += Math.floor(good.length / 9)) {
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 16, at);
      await writeFile(path, bad);
      let received = 0;
      const reading = (async () => {
        for await (const chunk of source.read("dump.rdb")) received += chunk.length;
      })();
      await expect(reading).rejects.toMatchObject({ reason: "corrupt", details: { file } });
      expect(received).toBeLessThan(whole.length);
    }
  });
});
