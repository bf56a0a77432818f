/** An entry app, an environment with two shared apps and a dedicated app of two replicas, wired by a registry; and an app alone. */
import { SupervisedFleet } from "../../test/plugins/support/supervised-fleet";
import { ReplicatedApp } from "../../test/plugins/support/replicas";
import { TestPostgres } from "../../test/plugins/support/postgres";
import type { Removable } from "../support/scope";

export class Supervised implements Removable {
  private constructor(
    readonly postgres: TestPostgres,
    readonly fleet: SupervisedFleet,
    /** One process with none of our plugins, until it is stopped. */
    readonly alone: ReplicatedApp,
  ) {}

  static async start(): Promise<Supervised> {
    const postgres = await TestPostgres.start();
    const fleet = await SupervisedFleet.make(postgres, { blue: ["crm", "shop"] }, { erp: 2 });
    const alone = await ReplicatedApp.make(postgres, "alone", { FLEET_CLUSTER: "0" });
    const started = new Supervised(postgres, fleet, alone);
    try {
      await fleet.start();
      await alone.start(1);
      for (const app of ["crm", "shop", "erp"]) await fleet.shows(app, "running");
      return started;
    } catch (error) {
      await started.remove();
      throw error;
    }
  }

  async remove(): Promise<void> {
    await this.alone.stop();
    await this.fleet.stop();
    await this.postgres.stop();
  }
}
