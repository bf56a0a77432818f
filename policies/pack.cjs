"use strict";
// What the engine starts. tsx takes over from the runner's ts-node, which would check types at every preview.
require("tsx/cjs");
require("./pack.ts");
