"use strict";
// Works on one stack in a process of its own: `node worker.cjs <operation> <stack> <options as JSON>`, started with an IPC channel.
require("tsx/cjs");
void require("./worker.ts").main(process.argv[2], process.argv[3], process.argv[4]);
