import { HttpClient, type Dialect, type Endpoint } from "@sutazai/backup-http";
import { classifyError } from "./classify-error.ts";

const dialect: Dialect = {
  name: "chromadb",
  errorIn: (body) => (body as { message?: unknown }).message,
  classify: classifyError,
};

export function httpClient(endpoint: Endpoint, database: string): HttpClient {
  return new HttpClient(endpoint, database, dialect);
}
