import { startServer } from "@sutazai/backup-testkit";
import { adapterConformance, chromadbContent } from "@sutazai/backup-testkit/conformance";
import { formNames } from "../../src/options.ts";
import { chromadbAdapter } from "../../src/index.ts";

// Each form has a method of its own, and the suite tries every method on the first form.
for (const form of formNames) {
  adapterConformance({
    title: `Chroma, the form ${form}`,
    start: () => startServer("chromadb"),
    adapter: ({ name }) => chromadbAdapter({ container: name, forms: [form], exact: true }),
    content: chromadbContent(),
    authenticates: false,
    variant: form !== "data",
  });
}
