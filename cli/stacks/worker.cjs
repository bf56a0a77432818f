"use strict";
// Works on stacks in a process of its own, as told over an IPC channel: see worker.ts.
require("tsx/cjs");
require("./worker.ts").main();
