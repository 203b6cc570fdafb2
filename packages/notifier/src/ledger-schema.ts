import { backupErrorReasons, processIdentitySchema } from "@sutazai/backup-core";
import { z } from "zod";
import type { Ledger } from "./ledger.ts";
import { noticeSchema, severities } from "./notice.ts";

/** A generation of the ledger as a file holds it. */
export interface LedgerFile extends Ledger {
  readonly format: "sutazai-backup-notices";
  readonly version: 1;
}

const pendingSchema = z.strictObject({
  id: z.string(),
  notice: noticeSchema,
  occasion: z.enum(["first", "reminder", "escalation", "resolved", "event"]),
  since: z.iso.datetime(),
  attempts: z.int().nonnegative(),
  served: z.array(z.string()),
  notBefore: z.iso.datetime().optional(),
  lastError: z
    .strictObject({
      reason: z.enum(backupErrorReasons),
      message: z.string(),
      operation: z.string().optional(),
      database: z.string().optional(),
      hint: z.string().optional(),
      details: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

export const ledgerFileSchema: z.ZodType<LedgerFile> = z.strictObject({
  format: z.literal("sutazai-backup-notices"),
  version: z.literal(1),
  topics: z.array(
    z.strictObject({
      channel: z.string(),
      cause: z.string(),
      incident: z.string(),
      told: z
        .strictObject({ at: z.iso.datetime(), severity: z.enum(severities), reference: z.string().optional() })
        .nullable(),
      pending: pendingSchema.nullable(),
      sending: z.strictObject({ by: processIdentitySchema, until: z.iso.datetime() }).nullable(),
    }),
  ),
}) as z.ZodType<LedgerFile>;
