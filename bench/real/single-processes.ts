/** One process of NocoBase with the cluster plugin and one without, each on a database of its own. */
import { ReplicatedApp } from "../../test/plugins/support/replicas";
import { TestPostgres } from "../../test/plugins/support/postgres";
import type { Target } from "../support/load";
import type { Removable } from "../support/scope";

export class SingleProcesses implements Removable {
  private constructor(
    private readonly postgres: TestPostgres,
    readonly withPlugin: ReplicatedApp,
    readonly without: ReplicatedApp,
  ) {}

  /** Both are installed and run. */
  static async start(): Promise<SingleProcesses> {
    const postgres = await TestPostgres.start();
    const withPlugin = await ReplicatedApp.make(postgres, "with_plugin");
    const without = await ReplicatedApp.make(postgres, "without_plugin", { FLEET_CLUSTER: "0" });
    const both = new SingleProcesses(postgres, withPlugin, without);
    try {
      for (const app of [withPlugin, without]) await app.start(1);
      return both;
    } catch (error) {
      await both.remove();
      throw error;
    }
  }

  async remove(): Promise<void> {
    for (const app of [this.withPlugin, this.without]) await app.stop();
    await this.postgres.stop();
  }
}

/** A request straight to the app's one process, as its root user; with a body a POST. */
export function direct(app: ReplicatedApp, path: string, body?: unknown): Target {
  return {
    port: app.replicas[0]!.port,
    path,
    host: "127.0.0.1",
    headers: {
      authorization: `Bearer ${app.token}`,
      "x-authenticator": "basic",
      "content-type": "application/json",
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}
