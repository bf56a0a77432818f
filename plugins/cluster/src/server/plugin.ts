import { Application, Plugin } from "@nocobase/server";
import { markConnections, Replica } from "./replica";

/**
 * Lets one app run as several replicas, with nothing but its own PostgreSQL database between them. It works by being
 * installed: it need not be enabled in an app, and leaves nothing in one that goes back to a single process.
 */
export class PluginCluster extends Plugin {
  /** Runs once for each process, before NocoBase makes its app (server/src/run-plugin-static-imports.ts). */
  static staticImport(): Promise<void> {
    markConnections(process.env);
    Application.registerStaticCommand((app) => Replica.attach(app));
    return Promise.resolve();
  }
}
