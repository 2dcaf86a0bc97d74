// The packages are installed beside what is built, and not above these files, where `import` would look for them.
import { createRequire } from "node:module";
import { join } from "node:path";

export const packages = createRequire(join(process.env.RPC_FOREIGN, "package.json"));
