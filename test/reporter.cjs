"use strict";
const { reporters } = require("mocha");

/** Mocha's spec report, then the reasons of skipped tests and the line that the check reads. */
module.exports = class Reporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const skipped = [];
    runner.on("pending", (test) => skipped.push(`${test.fullTitle()}: ${reasonOf(test)}`));
    // At once, too: a run that is cut off would take the reasons along.
    runner.on("fail", (_test, error) =>
      console.log(String(error.message).replace(/^/gm, "      | ").slice(0, 4000)),
    );
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      for (const line of skipped) console.log(`skipped: ${line}`);
      console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
    });
  }
};

/** The reason given by `skipBecause`, on the test or on the suite whose `before` hook skipped it. */
function reasonOf(test) {
  for (let node = test; node; node = node.parent) if (node.skipReason) return node.skipReason;
  return "no reason given";
}
