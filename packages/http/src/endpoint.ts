import type { Secret } from "@sutazai/backup-core";

/** Where a server answers, and what it has to be shown. */
export interface Endpoint extends Place {
  readonly credentials: Credentials;
  readonly ca: string | undefined;
  readonly serverName: string | undefined;
}

interface Place {
  readonly protocol: "http:" | "https:";
  readonly host: string;
  readonly port: number;
  /** Put before every path, for servers behind a proxy; without a `/` at its end. */
  readonly prefix: string;
}

/** Headers by which a server lets us in, made when they are sent, and what must not be seen of them. */
export interface Credentials {
  readonly headers: Readonly<Record<string, () => string>>;
  readonly secrets: readonly Secret[];
}

/** The parts of a server's URL, and what names it without its credentials. Throws what `URL` throws. */
export function placeOf(url: string): Place & { readonly resource: string } {
  const { protocol: scheme, port, pathname, hostname, origin } = new URL(url);
  const protocol = scheme === "https:" ? "https:" : "http:";
  const prefix = pathname.replace(/\/+$/, "");
  return {
    protocol,
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    prefix,
    resource: `${origin}${prefix}`,
  };
}
