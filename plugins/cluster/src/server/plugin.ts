import { Application, Plugin } from "@nocobase/server";
import { applyGap, watchGaps, type Change } from "./changes/gaps";
import { markConnections, Replica } from "./replica";

/** Lets one app run as several replicas, with nothing but its own PostgreSQL database between them. */
export class PluginCluster extends Plugin {
  /** Runs once for each process, before NocoBase makes its app (server/src/run-plugin-static-imports.ts). */
  static staticImport(): Promise<void> {
    markConnections(process.env);
    Application.registerStaticCommand((app) => Replica.attach(app));
    return Promise.resolve();
  }

  load(): Promise<void> {
    const { app } = this;
    // Apps inside an app aren't replicated.
    if (app.name !== "main") return Promise.resolve();
    const { plugins } = Replica.current;
    watchGaps(app, (change, transaction) => void this.sendSyncMessage(change, { transaction }));
    for (const event of ["beforeEnablePlugin", "beforeDisablePlugin"]) app.on(event, () => plugins.begin());
    for (const event of ["afterEnablePlugin", "afterDisablePlugin"]) app.on(event, () => plugins.done());
    app.on("__started", async () => {
      if (await plugins.started()) await this.sendSyncMessage({ type: "plugins" } satisfies Change);
    });
    return Promise.resolve();
  }

  override async handleSyncMessage(message: unknown): Promise<void> {
    const change = message as Change;
    if (change.type !== "plugins") {
      await applyGap(this.app, change);
      return;
    }
    // Not waited for: the app's own restart ends what handles this message.
    void Replica.current.plugins.follow(this.app).catch((error: unknown) => {
      this.app.logger.error(`restarting after a change of plugins failed: ${String(error)}`, { error });
    });
  }
}
