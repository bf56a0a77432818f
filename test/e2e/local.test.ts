import { describeScenarios, startingValues } from "./scenarios";
import { gatewayPort, LocalHarness } from "./support/local";
import { Project } from "./support/project";

describe("local platform", function () {
  this.timeout(10 * 60_000);
  let harness: LocalHarness;

  before(() => {
    harness = new LocalHarness(
      new Project(`e2e${process.pid}`, {
        ...startingValues(gatewayPort()),
        platform: "local",
        deletion: "protect",
      }),
    );
  });

  after(() => harness.cleanUp());

  describeScenarios(() => harness);
});
