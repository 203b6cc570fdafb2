import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks until there is an answer, ever less often. Short questions only: one that waits for its answer
 * (`wait` of the daemon) would wait for ever where the connection is cut after its headers, for dockerode does not notice that.
 */
export async function poll<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let delay = 10; ; delay = Math.min(delay * 1.5, 500)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await pause(delay);
  }
}
