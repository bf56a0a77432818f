import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { DatabasePlan } from "../plan/types";
import type { DatabaseConnection, OperatedServer } from "../platforms/types";
import type { DatabaseServer } from "./database-server";

export interface AppDatabaseArgs {
  plan: DatabasePlan;
  server: DatabaseServer;
  /** The role's password. */
  password: pulumi.Output<string>;
  /** Where the app runs. A change takes the old process down before a new one gets the database. */
  placement: string;
}

interface Owned {
  user: pulumi.Output<string>;
  /** Of the database. */
  name: pulumi.Output<string>;
  /** The same name, known once nobody else may connect. */
  closed: pulumi.Output<string>;
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
    const { server, password } = args;
    const {
      user,
      name: owned,
      closed,
    } = server.operated ? this.declare(name, args, server.operated) : this.make(name, args);
    const { host, port, sslMode } = server;
    const reach = { host, port, sslMode, user, password: pulumi.secret(password) };
    this.ownerConnection = { ...reach, name: owned };
    this.connection = { ...reach, name: closed };
    this.registerOutputs({ name: owned, role: user });
  }

  /** By objects that the server's operator reads. Its sign-in rules keep everybody else out. */
  private declare(name: string, { plan, password }: AppDatabaseArgs, server: OperatedServer): Owned {
    const kept = { protect: plan.deletion === "protect", retainOnDelete: plan.deletion === "retain" };
    const database = server.database(name, { plan, password }, { parent: this, ...kept });
    // The names are the plan's; what uses them waits for the database.
    const named = database.urn.apply(() => plan.name);
    return { user: database.urn.apply(() => plan.role), name: named, closed: named };
  }

  /** As the server's administrator. */
  private make(name: string, { plan, server, password, placement }: AppDatabaseArgs): Owned {
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
        replacementTrigger: placement,
        deleteBeforeReplace: true,
        retainOnDelete: kept.retainOnDelete,
      },
    );

    return { user: role.name, name: database.name, closed: closed.database };
  }
}
