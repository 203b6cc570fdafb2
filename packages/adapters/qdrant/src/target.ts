import { Secret, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { placeOf, type Credentials, type Endpoint } from "@sutazai/backup-http";
import type { QdrantOptions } from "./options.ts";

const defaultContainer = "sutazai-qdrant";
const defaultPort = 6333;

/** Where the server is. */
export interface Target {
  readonly container: ContainerInfo | undefined;
  /** What two operations must not touch at once. */
  readonly resource: string;
  readonly endpoint: Endpoint;
}

/** The container that the options name; undefined where they name a URL. */
export function containerName({ container, url }: QdrantOptions): string | undefined {
  return container ?? (url === undefined ? defaultContainer : undefined);
}

/** Finds the server; its container, where it has one, must run. Explicit settings win over what is found there. */
export async function locate(options: QdrantOptions, containers: ContainerRuntime): Promise<Target> {
  const reference = containerName(options);
  const tls = typeof options.tls === "object" ? options.tls : {};
  const shared = { ca: tls.ca, serverName: tls.serverName };
  if (reference === undefined) {
    const { resource, ...place } = placeOf(options.url ?? "");
    return {
      container: undefined,
      resource,
      endpoint: { ...shared, ...place, credentials: credentialsOf(options.apiKey) },
    };
  }
  const container = await containers.inspectRunning(reference);
  const { environment } = container;
  const port = options.port ?? portIn(environment["QDRANT__SERVICE__HTTP_PORT"]);
  // Asked anew each time: a container that was taken off its networks has another address.
  const address = await containers.resolveAddress(container, port);
  const found = environment["QDRANT__SERVICE__API_KEY"];
  const speaksTls =
    options.tls === undefined
      ? environment["QDRANT__SERVICE__ENABLE_TLS"]?.toLowerCase() === "true"
      : options.tls !== false;
  return {
    container,
    resource: container.id,
    endpoint: {
      ...shared,
      protocol: speaksTls ? "https:" : "http:",
      host: address.host,
      port: address.port,
      prefix: "",
      credentials: credentialsOf(
        options.apiKey ?? (found === undefined || found === "" ? undefined : new Secret(found)),
      ),
    },
  };
}

function portIn(value: string | undefined): number {
  const port = Number(value ?? defaultPort);
  return Number.isInteger(port) && port > 0 ? port : defaultPort;
}

export function credentialsOf(apiKey: Secret | undefined): Credentials {
  return apiKey === undefined
    ? { headers: {}, secrets: [] }
    : { headers: { "api-key": () => apiKey.reveal() }, secrets: [apiKey] };
}
