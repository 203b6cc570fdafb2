import { library } from "../../tsup.base.ts";

export default library({ entry: ["src/index.ts", "src/conformance/index.ts", "src/in-process.ts"] });
