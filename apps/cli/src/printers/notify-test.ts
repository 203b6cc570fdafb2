import type { Delivery, PingDelivery } from "@sutazai/backup-sdk";

/** What became of a test, by channel. */
export function formatTest(deliveries: readonly Delivery[], pings: readonly PingDelivery[]): string {
  const tests = [
    ...deliveries.map((delivery) => ({ ...delivery, what: delivery.state === "firing" ? "a test" : "its end" })),
    ...pings.map((delivery) => ({ ...delivery, what: "a line for its log" })),
  ];
  return tests
    .map((test) => {
      if (test.outcome === "failed") {
        const { reason, message, hint } = test.error;
        return `✗ ${test.channel}: ${reason}: ${message}${hint === undefined ? "" : `\n  → ${hint}`}`;
      }
      return `✓ ${test.channel} took ${test.what}${"problems" in test ? test.problems.map((problem) => `\n  ! ${problem}`).join("") : ""}`;
    })
    .join("\n");
}
