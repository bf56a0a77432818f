import { Plugin } from "@nocobase/client";
import { FleetPage } from "./page";

/** Puts the fleet's page among the plugins' settings, for roles that may see it. */
export default class SupervisorClient extends Plugin {
  override load(): Promise<void> {
    this.app.pluginSettingsManager.add("supervisor", {
      title: "Fleet",
      icon: "ClusterOutlined",
      Component: FleetPage,
      aclSnippet: "pm.supervisor.view",
    });
    return Promise.resolve();
  }
}
