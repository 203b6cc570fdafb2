import { BackupError } from "@sutazai/backup-core";
import { describe, expect, test } from "vitest";
import { abortError, classifyError, tolerating } from "../src/classify-error.ts";

/** As dockerode throws what the daemon answers. */
function answer(statusCode: number, message: string): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${message} `), {
    statusCode,
    reason: undefined,
    json: { message },
  });
}

/** As Node throws what happens to a socket. */
function system(code: string, facts: object = {}): Error {
  return Object.assign(new Error(`connect ${code}`), { code, syscall: "connect", ...facts });
}

const socket = { address: "/var/run/docker.sock" };

test.each([
  [system("ENOENT", socket), "connection", /does not answer at \/var\/run\/docker.sock/, /start Docker.*DOCKER_HOST/],
  [system("ECONNREFUSED", { address: "10.0.0.1", port: 2375 }), "connection", /at 10.0.0.1:2375/, /start Docker/],
  [system("ENOTFOUND", { hostname: "docker.example" }), "connection", /at docker.example/, /DOCKER_HOST/],
  [system("ETIMEDOUT"), "connection", /does not answer/, /DOCKER_HOST/],
  [system("EACCES", socket), "permission", /may not use the Docker daemon/, /root.*group `docker`/],
  [system("ECONNRESET"), "connection", /was lost/, /try again/],
  [system("EPIPE"), "connection", /was lost/, /try again/],
  [system("ERR_STREAM_PREMATURE_CLOSE"), "connection", /was lost/, /try again/],
  [answer(404, "No such container: db"), "not-found", /No such container: db/, /docker ps/],
  [answer(404, "No such image: sha256:abc"), "not-found", /No such image/, /image/],
  [answer(404, "Could not find the file /x in container db"), "not-found", /\/x/, /path/],
  [answer(404, "network db not found"), "not-found", /network db/, /docker network ls/],
  [answer(409, "Container abc is not running"), "connection", /not running/, /docker start/],
  [answer(500, "Container abc is paused"), "connection", /paused/, /docker unpause/],
  [
    answer(409, "Container abc is restarting, wait until the container is running"),
    "connection",
    /restarting/,
    /docker logs/,
  ],
  [answer(409, 'Conflict. The container name "/x" is already in use by container "y".'), "locked", /in use/, /wait/],
  [answer(409, "cannot join network of a non running container: abc"), "connection", /non running/, /start/],
  [answer(400, 'exec: "/x": stat /x: no such file or directory: unknown'), "tool-missing", /\/x/, /shell/],
  [answer(400, 'exec: "sh": executable file not found in $PATH: unknown'), "tool-missing", /sh/, /shell/],
  [answer(500, "write /var/lib/docker/x: no space left on device"), "no-space", /no space/, /docker system df/],
  [
    answer(400, "client version 1.60 is too new. Maximum supported API version is 1.41"),
    "incompatible-version",
    /too new/,
    /20.10/,
  ],
  [answer(403, "Forbidden by policy"), "permission", /policy/, /proxy/],
  [answer(401, "Unauthorized"), "authentication", /Unauthorized/, /DOCKER_CERT_PATH/],
  [answer(304, ""), "unknown", /304/, /log/],
  [answer(500, "something else"), "unknown", /500: something else/, /log/],
])("%s is %s", (error, reason, message, hint) => {
  const classified = classifyError(error, { operation: "containers.test" });
  expect(classified).toMatchObject({
    reason,
    operation: "containers.test",
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
    cause: error,
  });
});

describe("what is no answer of Docker's", () => {
  test("a BackupError stays what it is", () => {
    const error = new BackupError("mismatch", "differs");
    expect(classifyError(error)).toBe(error);
  });

  test("an abort is cancelled, a time limit is what it says", () => {
    const limit = new BackupError("timeout", "took longer than 60 s");
    expect(classifyError(new DOMException("aborted", "AbortError")).reason).toBe("cancelled");
    expect(abortError(AbortSignal.abort(), "x").reason).toBe("cancelled");
    expect(abortError(AbortSignal.abort(limit), "x")).toBe(limit);
    expect(abortError(AbortSignal.abort(new DOMException("late", "TimeoutError")), "x").reason).toBe("timeout");
  });

  test("only the named answers are tolerated", async () => {
    expect(await tolerating([304, 404], Promise.reject(answer(304, "")))).toBeUndefined();
    await expect(tolerating([304], Promise.reject(answer(409, "no")))).rejects.toThrow("409");
    await expect(tolerating([304], Promise.reject(system("ECONNRESET")))).rejects.toThrow("ECONNRESET");
  });
});
