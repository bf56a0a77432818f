"use strict";
const fs = require("node:fs");
const { reporters } = require("mocha");

/**
 * Mocha's spec report, then the reasons of skipped tests and the line that the check reads; with FLEET_TEST_REPORT, a
 * file, these are written there as JSON instead.
 */
module.exports = class Reporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    const failures = [];
    runner.on("pending", (test) => skipped.push(`${test.fullTitle()}: ${reasonOf(test)}`));
    // At once, too: a run that is cut off would take the reasons along.
    runner.on("fail", (test, error) => {
      const message = String(error.message).replace(/^/gm, "      | ").slice(0, 4000);
      console.log(message);
      failures.push({ title: test.fullTitle(), message });
    });
    runner.once("end", () => {
      const passed = this.stats.passes;
      const file = process.env.FLEET_TEST_REPORT;
      if (file) return fs.writeFileSync(file, JSON.stringify({ passed, failures, skipped }));
      for (const line of skipped) console.log(`skipped: ${line}`);
      console.log(`${passed} passed, ${failures.length} failed, ${skipped.length} skipped`);
    });
  }
};

/** The reason given by `skipBecause`, on the test or on the suite whose `before` hook skipped it. */
function reasonOf(test) {
  for (let node = test; node; node = node.parent) if (node.skipReason) return node.skipReason;
  return "no reason given";
}
