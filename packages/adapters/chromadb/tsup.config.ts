import { library } from "../../../tsup.base.ts";

// The reader is a program of its own: it is started, not imported.
export default library({ entry: { index: "src/index.ts", reader: "src/data/reader.ts" } });
