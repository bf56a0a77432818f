"use strict";
// Starts the gateway: `node gateway.cjs <routes.json> [<folder of tenants' files>]`.
require("tsx/cjs");
void require("./main.ts").main(process.argv[2], process.argv[3]);
