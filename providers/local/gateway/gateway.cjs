"use strict";
// Starts the gateway: `node gateway.cjs <routes.json>`.
require("tsx/cjs");
void require("./main.ts").main(process.argv[2]);
