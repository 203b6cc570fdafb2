import { BackupError } from "@sutazai/backup-core";
import type Docker from "dockerode";

/** What this package needs to know of one request of docker-modem's. */
interface Request {
  readonly path: string;
  readonly method: string;
  /** What is sent as a stream. */
  readonly file?: unknown;
  readonly options?: { readonly t?: unknown } | null;
  abortSignal?: AbortSignal | undefined;
}

type Answered = (error: unknown, answer: unknown) => void;

/**
 * Has every request fail with `timeout` that the daemon leaves without an answer for so many milliseconds. A daemon that hangs would otherwise keep whoever asks
 * waiting for ever, and nothing could be tidied up after the time limit of an operation. An answer that has begun, and what is sent as a stream, may take as long
 * as they take.
 */
export function limitAnswers(docker: Docker, limitMs: number): void {
  const modem = docker.modem as { timeout?: number; dial(request: Request, answered: Answered): void };
  // From DOCKER_CLIENT_TIMEOUT, which is meant in seconds where it comes from, and would cut a stream that is silent for a while.
  delete modem.timeout;
  const dial = modem.dial.bind(modem);
  modem.dial = (request, answered) => {
    if (request.file !== undefined || request.abortSignal !== undefined) return dial(request, answered);
    const silence = new AbortController();
    // Seconds in which a container may end by itself: the daemon answers after that.
    const graceMs = Number(request.options?.t ?? 0) * 1000;
    const timer = setTimeout(() => silence.abort(unanswered(request, limitMs)), limitMs + graceMs);
    dial({ ...request, abortSignal: silence.signal }, (error, answer) => {
      clearTimeout(timer);
      answered(silence.signal.aborted ? silence.signal.reason : error, answer);
    });
  };
}

function unanswered({ method, path }: Request, limitMs: number): BackupError {
  return new BackupError("timeout", `the Docker daemon did not answer within ${limitMs / 1000} s`, {
    hint: "see whether `docker info` answers; if it does not, restart the daemon, then let `recover` settle what was left",
    details: { request: `${method} ${path}` },
  });
}
