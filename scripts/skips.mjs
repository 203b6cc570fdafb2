/** A reporter for vitest, which tells that a test was skipped but not why. */
export default class Skips {
  onTestCaseResult(test) {
    const { state, note } = test.result();
    if (state === "skipped") console.log(`skipped: ${test.fullName}: ${note ?? "no reason given"}`);
  }
}
