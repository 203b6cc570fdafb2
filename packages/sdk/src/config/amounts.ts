import ms from "ms";
import { z } from "zod";

/** Milliseconds, at least so many: as a number, or as text like `30m`. */
export const durationFrom = (least: number): z.ZodType<number, string | number> =>
  z.union([z.number(), z.string()]).transform((value, context) => {
    const parsed = typeof value === "number" ? value : ms(value as ms.StringValue);
    if (typeof parsed === "number" && Number.isFinite(parsed) && parsed >= least) return parsed;
    context.addIssue({ code: "custom", message: "a duration like 30m, 2h or 5400000 (milliseconds)" });
    return z.NEVER;
  });

const units: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Bytes: as a number, or as text like `512m`. */
export const size: z.ZodType<number, string | number> = z
  .union([z.number(), z.string()])
  .transform((value, context) => {
    const [, amount, unit = ""] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?)?\s*$/i.exec(String(value)) ?? [];
    const bytes = Math.floor(Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN));
    if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
    context.addIssue({ code: "custom", message: "a size like 512m, 1g or 1073741824 (bytes)" });
    return z.NEVER;
  });
