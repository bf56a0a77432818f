import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import type { FleetRegistryPlan } from "../plan/types";
import type { DatabaseServer } from "./database-server";

/** Connections of a member: one that listens, and one more while it is made anew. */
const MEMBER_CONNECTIONS = 8;
/** The entry app's: a listener and a pool of three for each of its processes. */
const OWNER_CONNECTIONS = 32;

export interface RegistryArgs {
  plan: FleetRegistryPlan;
  /** The entry app's. */
  server: DatabaseServer;
  /** The owner's password. */
  password: pulumi.Output<string>;
}

/** Environment variables by which a process enters the registry. */
export type RegistryEnvironment = Readonly<Record<string, pulumi.Output<string>>>;

/**
 * The database through which the entry app and those that it controls know of each other. The entry app's role owns it
 * and makes its tables; what is in it comes anew from the stack file and the running processes, so it needs no backup.
 *
 * @example new Registry("registry", { plan: plan.registry, server, password }, { parent: entry })
 */
export class Registry extends pulumi.ComponentResource {
  /** For the entry app. */
  readonly environment: RegistryEnvironment;
  private readonly database: pulumi.Output<string>;
  private readonly plan: FleetRegistryPlan;
  private readonly server: DatabaseServer;

  constructor(name: string, args: RegistryArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:Registry", name, {}, options);
    const { plan, server, password } = args;
    this.plan = plan;
    this.server = server;
    const within = { parent: this, provider: server.provider };
    const role = new postgresql.Role(
      `${name}-role`,
      { name: plan.name, login: true, password, connectionLimit: OWNER_CONNECTIONS },
      within,
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
      within,
    );
    // PostgreSQL lets everybody connect to a new database; granting PUBLIC nothing revokes that.
    const closed = new postgresql.Grant(
      `${name}-connect`,
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      within,
    );
    this.database = closed.database;
    this.environment = this.variables(closed.database, role.name, password);
    this.registerOutputs({ name: database.name });
  }

  /** Makes the role of a member, which may connect and call the registry's functions, and nothing else. */
  member(key: string, password: pulumi.Output<string>, parent: pulumi.Resource): RegistryEnvironment {
    const name = this.plan.members[key];
    if (name === undefined) throw new Error(`the plan has no role in the registry for "${key}"`);
    const within = { parent, provider: this.server.provider };
    const role = new postgresql.Role(
      `${key}-registry-role`,
      { name, login: true, password, connectionLimit: MEMBER_CONNECTIONS },
      within,
    );
    const grant = new postgresql.Grant(
      `${key}-registry-connect`,
      // By the name that the plan has: policies are to know in a preview who is granted what.
      { role: name, database: this.database, objectType: "database", privileges: ["CONNECT"] },
      { ...within, dependsOn: role },
    );
    return this.variables(grant.database, role.name, password);
  }

  private variables(
    database: pulumi.Output<string>,
    user: pulumi.Output<string>,
    password: pulumi.Output<string>,
  ): RegistryEnvironment {
    const { host, port, sslMode } = this.server;
    return {
      FLEET_SUPERVISOR_DB_HOST: host,
      FLEET_SUPERVISOR_DB_PORT: port.apply(String),
      FLEET_SUPERVISOR_DB_NAME: database,
      FLEET_SUPERVISOR_DB_USER: user,
      FLEET_SUPERVISOR_DB_PASSWORD: pulumi.secret(password),
      FLEET_SUPERVISOR_DB_SSL_MODE: pulumi.output(sslMode),
    };
  }
}
