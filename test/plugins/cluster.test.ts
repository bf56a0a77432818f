/** One real app as three replicas: NocoBase processes that share a database and a storage folder, and nothing else. */
import { changes } from "./cluster-scenarios/changes";
import { faults } from "./cluster-scenarios/faults";
import { handover } from "./cluster-scenarios/handover";
import { Trio } from "./cluster-scenarios/trio";
import { TestPostgres } from "./support/postgres";
import { ReplicatedApp } from "./support/replicas";

describe("an app with three replicas", function () {
  this.timeout(300_000);
  let trio: Trio;

  before(async () => {
    const postgres = await TestPostgres.start();
    trio = new Trio(postgres, await ReplicatedApp.make(postgres, "erp"));
    await trio.app.start(3);
  });
  after(async () => {
    const sorted = trio.latencies.toSorted((a, b) => a - b);
    console.log(
      `      changes seen after ${sorted[0]}–${sorted.at(-1)} ms, median ${sorted[sorted.length >> 1]} ms`,
    );
    await trio.app.stop();
    await trio.postgres.stop();
  });

  changes(() => trio);
  handover(() => trio);
  faults(() => trio);
});
