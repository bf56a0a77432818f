import { Application, Plugin } from "@nocobase/server";
import type { EntryApplication } from "./contracts";
import { ControlPlane, defineCollections } from "./entry/control-plane";
import { Environment } from "./environment/environment";
import { supervisorSettings } from "./settings";

/**
 * Makes a fleet's entry app its control plane. Environments and dedicated apps have it installed and not enabled: it
 * reports and carries out commands by what the launcher's environment says. In the entry app it is enabled, for its
 * collections and its page.
 */
export class PluginSupervisor extends Plugin {
  declare readonly app: EntryApplication;
  declare readonly name: string;

  /** Runs once for each process, before NocoBase makes its app (server/src/run-plugin-static-imports.ts). */
  static staticImport(): Promise<void> {
    const settings = supervisorSettings(process.env);
    if (settings) {
      const part = settings.role === "entry" ? ControlPlane : Environment;
      Application.registerStaticCommand((app) => part.attach(app, settings));
    }
    return Promise.resolve();
  }

  /** NocoBase calls it for each plugin before the collections of any are needed. */
  beforeLoad(): void {
    defineCollections(this.app);
  }

  load(): Promise<void> {
    ControlPlane.current?.load(this.app, this.name);
    return Promise.resolve();
  }
}
