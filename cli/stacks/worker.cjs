"use strict";
// Works on stacks in a process of its own, as told over an IPC channel: see worker.ts.
require("../../toolchain/typescript.cjs");
require("./worker.ts").main();
