"use strict";
// Starts the gateway: `node gateway.cjs <routes.json> [<folder of endpoints> [<folder of tenants' files>]]`.
require("../../../toolchain/typescript.cjs");
void require("./main.ts").main(process.argv[2], process.argv[3], process.argv[4]);
