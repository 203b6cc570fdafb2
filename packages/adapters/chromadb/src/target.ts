import { posix } from "node:path";
import type { Place } from "@sutazai/backup-containers";
import { BackupError, Secret, type ContainerInfo, type ContainerRuntime } from "@sutazai/backup-core";
import { placeOf, type Credentials, type Endpoint } from "@sutazai/backup-http";
import type { ChromadbOptions } from "./options.ts";

const defaultContainer = "sutazai-chromadb";
const defaultPort = 8000;

/** Where the server is. */
export interface Target {
  readonly container: ContainerInfo | undefined;
  /** What two operations must not touch at once. */
  readonly resource: string;
  readonly endpoint: Endpoint;
}

/** The container that the options name; undefined where they name a URL. */
export function containerName({ container, url }: ChromadbOptions): string | undefined {
  return container ?? (url === undefined ? defaultContainer : undefined);
}

/** Finds the server; its container, where it has one, must run. */
export async function locate(options: ChromadbOptions, containers: ContainerRuntime): Promise<Target> {
  const reference = containerName(options);
  const tls = typeof options.tls === "object" ? options.tls : {};
  const shared = { ca: tls.ca, serverName: tls.serverName, credentials: credentialsOf(options) };
  if (reference === undefined) {
    const { resource, ...place } = placeOf(options.url ?? "");
    return { container: undefined, resource, endpoint: { ...shared, ...place } };
  }
  const container = await containers.inspectRunning(reference);
  // Asked anew each time: a container that was taken off its networks has another address.
  const address = await containers.resolveAddress(container, options.port ?? defaultPort);
  const protocol = options.tls === undefined || options.tls === false ? "http:" : "https:";
  return { container, resource: container.id, endpoint: { ...shared, protocol, ...address, prefix: "" } };
}

function credentialsOf({ token, tokenHeader, user, password }: ChromadbOptions): Credentials {
  const secrets: Secret[] = [];
  const headers: Record<string, () => string> = {};
  if (token !== undefined) {
    secrets.push(token);
    if (tokenHeader === undefined || tokenHeader.toLowerCase() === "authorization") {
      headers["authorization"] = () => `Bearer ${token.reveal()}`;
    } else headers[tokenHeader.toLowerCase()] = () => token.reveal();
  }
  if (user !== undefined && password !== undefined) {
    const basic = new Secret(Buffer.from(`${user}:${password.reveal()}`, "utf8").toString("base64"));
    secrets.push(password, basic);
    headers["authorization"] = () => `Basic ${basic.reveal()}`;
  }
  return { secrets, headers };
}

/** Where the server keeps its data: as configured, else as its environment says, else where its image mounts it. Throws `unsupported` where it is not on a volume. */
export function dataPlace(container: ContainerInfo, configured: string | undefined): Place & { kind: "container" } {
  const { name, mounts, environment } = container;
  const mounted = mounts.filter(({ type }) => type === "volume" || type === "bind");
  const said = configured ?? environment["CHROMA_PERSIST_PATH"] ?? environment["PERSIST_DIRECTORY"];
  const candidates = said === undefined ? ["/data", "/chroma/chroma"] : [said];
  for (const candidate of candidates) {
    const directory = posix.normalize(candidate).replace(/(.)\/$/, "$1");
    const isMounted = mounted.some(
      ({ destination }) => directory === destination || directory.startsWith(`${destination}/`),
    );
    if (isMounted) return { kind: "container", container: container.id, image: container.imageId, directory };
  }
  throw new BackupError("unsupported", `${candidates[0]} of container ${name} is not on a volume`, {
    operation: "chromadb.locate",
    hint: `mount a volume at the persist directory, name it (\`directory\`) if it is another, or set \`forms\` to ["export"]; mounted are: ${mounted.map(({ destination }) => destination).join(", ") || "none"}`,
  });
}
