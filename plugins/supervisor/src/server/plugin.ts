import { Application, Plugin } from "@nocobase/server";
import { Environment } from "./environment/environment";
import { supervisorSettings } from "./settings";

/**
 * Makes a fleet's entry app its control plane. Environments and dedicated apps have it installed and not enabled: it
 * reports and carries out commands by what the launcher's environment says. In the entry app it is enabled, for its
 * collections and its page.
 */
export class PluginSupervisor extends Plugin {
  /** Runs once for each process, before NocoBase makes its app (server/src/run-plugin-static-imports.ts). */
  static staticImport(): Promise<void> {
    const settings = supervisorSettings(process.env);
    if (settings?.role === "environment")
      Application.registerStaticCommand((app) => Environment.attach(app, settings));
    return Promise.resolve();
  }
}
