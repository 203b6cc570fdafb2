import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { ServerAddress } from "./kinds/server-kind.ts";

/** What a server is made to say with status 200: an object as JSON, a text as bytes of no known type. */
export type Lie = object | string;

/** Stands before a server that speaks HTTP. */
export interface LyingServer extends AsyncDisposable {
  readonly url: string;
  /** How often it has lied. */
  readonly lies: number;
}

/** Passes questions on to a server and its answers back, but for what `lieAbout` has another answer to. The body of a question is told as a text. */
export async function lyingServer(
  { host, port }: Pick<ServerAddress, "host" | "port">,
  lieAbout: (method: string, path: string, body: string) => Lie | undefined,
): Promise<LyingServer> {
  let lies = 0;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { method = "GET", url: path = "/", headers } = incoming;
      const body = Buffer.concat(chunks);
      const lie = lieAbout(method, path, body.toString());
      if (lie !== undefined) {
        lies += 1;
        const type = typeof lie === "string" ? "application/octet-stream" : "application/json";
        outgoing.writeHead(200, { "content-type": type }).end(typeof lie === "string" ? lie : JSON.stringify(lie));
        return;
      }
      const onward = request(
        // Not one of the connections that are kept: a server that closes one at that moment would be a second liar.
        { host, port, method, path, headers: { ...headers, host, connection: "close" }, agent: false },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      onward.on("error", () => outgoing.destroy()).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lies() {
      return lies;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
