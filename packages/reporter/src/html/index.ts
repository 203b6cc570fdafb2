export { formatMasterHtml } from "./page.ts";
