/** An entry app, an environment with two shared apps and a dedicated app of two replicas, wired by a registry. */
import { SupervisedFleet } from "../../test/plugins/support/supervised-fleet";
import { TestPostgres } from "../../test/plugins/support/postgres";
import type { Removable } from "../support/scope";

export class Supervised implements Removable {
  private constructor(
    readonly postgres: TestPostgres,
    readonly fleet: SupervisedFleet,
  ) {}

  static async start(): Promise<Supervised> {
    const postgres = await TestPostgres.start();
    const fleet = await SupervisedFleet.make(postgres, { blue: ["crm", "shop"] }, { erp: 2 });
    const started = new Supervised(postgres, fleet);
    try {
      await fleet.start();
      for (const app of ["crm", "shop", "erp"]) await fleet.shows(app, "running");
      return started;
    } catch (error) {
      await started.remove();
      throw error;
    }
  }

  async remove(): Promise<void> {
    await this.fleet.stop();
    await this.postgres.stop();
  }
}
