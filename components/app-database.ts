import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { DatabasePlan } from "../plan/types";
import type { DatabaseConnection } from "../platforms/types";
import type { DatabaseServer } from "./database-server";

export interface AppDatabaseArgs {
  plan: DatabasePlan;
  server: DatabaseServer;
  /** The role's password. */
  password: pulumi.Output<string>;
  /** Where the app runs. A change takes the old process down before a new one gets the database. */
  placement: string;
}

/**
 * What an app owns on a database server: a role without any privilege of its own, and a database that nobody
 * else may connect to.
 *
 * @example new AppDatabase("crm", { plan: app.database, server, password, placement: "shared:blue" }, { parent: this })
 */
export class AppDatabase extends pulumi.ComponentResource {
  /** For the process that serves the app; its name is known only once the database is closed to all others. */
  readonly connection: DatabaseConnection;
  /** For what outlives a move of the app: its backup. */
  readonly ownerConnection: DatabaseConnection;

  constructor(name: string, args: AppDatabaseArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:AppDatabase", name, {}, options);
    const { plan, server, password } = args;
    const within = { parent: this, provider: server.provider };
    const kept = { protect: plan.deletion === "protect", retainOnDelete: plan.deletion === "retain" };

    const role = new postgresql.Role(
      `${name}-role`,
      { name: plan.role, login: true, password, connectionLimit: plan.connectionLimit },
      { ...within, ...kept },
    );

    const database = new postgresql.Database(
      `${name}-db`,
      {
        name: plan.name,
        owner: role.name,
        template: "template0",
        encoding: "UTF8",
        lcCollate: "C",
        lcCtype: "C.UTF-8",
      },
      { ...within, ...kept },
    );

    // PostgreSQL lets everybody connect to a new database; granting PUBLIC nothing revokes that.
    const closed = new postgresql.Grant(
      `${name}-connect`,
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      {
        ...within,
        replacementTrigger: args.placement,
        deleteBeforeReplace: true,
        retainOnDelete: kept.retainOnDelete,
      },
    );

    const { host, port, sslMode } = server;
    const reach = { host, port, sslMode, user: role.name, password: pulumi.secret(password) };
    this.ownerConnection = { ...reach, name: database.name };
    this.connection = { ...reach, name: closed.database };
    this.registerOutputs({ name: database.name, role: role.name });
  }
}
