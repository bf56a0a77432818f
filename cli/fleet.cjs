#!/usr/bin/env node
"use strict";
require("../toolchain/typescript.cjs");
require("./main.ts");
