import { HttpClient, type Dialect, type Endpoint } from "@sutazai/backup-http";
import { classifyError } from "./classify-error.ts";

const dialect: Dialect = {
  name: "qdrant",
  errorIn: (body) => (body as { status?: { error?: unknown } }).status?.error,
  classify: classifyError,
};

export function httpClient(endpoint: Endpoint, database: string): HttpClient {
  return new HttpClient(endpoint, database, dialect);
}
