import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { DatabasePlan, DatabaseServerPlan, ExternalServerPlan, ManagedServerPlan } from "../plan/types";
import type { ObjectStoreKeys, OperatedServer, Platform } from "../platforms/types";

export interface DatabaseServerArgs {
  /** Managed (this fleet runs it), external (by address) or run by an operator. */
  plan: DatabaseServerPlan;
  platform: Platform;
  /** Administrator's password of an external server; a managed one gets a random password. */
  adminPassword?: pulumi.Input<string>;
  /** Of a server that an operator runs: all that are to be on it. Default: none. */
  databases?: readonly DatabasePlan[];
  /** Of a server that an operator runs, where it has an object store. */
  objectStoreKeys?: ObjectStoreKeys;
}

/**
 * A PostgreSQL server, and what makes roles and databases on it: one `postgresql` provider, or the server's operator.
 *
 * @example new DatabaseServer("main", { plan: plan.databaseServers.main, platform })
 */
export class DatabaseServer extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** libpq's sslmode for the apps' own connections. */
  readonly sslMode: string;
  /** Connects as the administrator; undefined where an operator makes roles and databases. */
  readonly provider?: postgresql.Provider;
  /** Where an operator runs the server. */
  readonly operated?: OperatedServer;
  /** The administrator's password where the fleet made it; undefined for an external server. */
  readonly adminPassword?: pulumi.Output<string>;

  constructor(name: string, args: DatabaseServerArgs, options?: pulumi.ComponentResourceOptions) {
    super("nocobase-fleet:index:DatabaseServer", name, {}, options);
    const { plan, platform } = args;

    if (plan.kind === "managed") {
      const password = new random.RandomPassword(
        `${name}-admin`,
        { length: 32, special: false },
        { parent: this },
      ).result;
      const server = platform.managedServer(
        `${name}-server`,
        { plan, adminPassword: password },
        { parent: this },
      );
      this.adminPassword = password;
      this.host = server.host;
      this.port = server.port;
      this.sslMode = "disable";
      this.provider = this.administrator(name, plan, password, {}, server.resource);
    } else if (plan.kind === "cloudnativepg") {
      if (!platform.operatedServer) throw new Error(`${name}: no operator runs servers on this platform`);
      const { databases = [], objectStoreKeys } = args;
      const request = { plan, databases, objectStoreKeys };
      this.operated = platform.operatedServer(`${name}-server`, request, { parent: this });
      this.host = this.operated.host;
      this.port = this.operated.port;
      this.sslMode = plan.sslMode;
    } else {
      const { host, port } = plan.inside ?? plan;
      this.host = pulumi.output(host);
      this.port = pulumi.output(port);
      this.sslMode = plan.sslMode;
      const { maintenanceDatabase: database, superuser } = plan;
      this.provider = this.administrator(name, plan, args.adminPassword ?? "", { database, superuser });
    }
    this.registerOutputs({ host: this.host, port: this.port });
  }

  // The address is the plan's, not the server's output: it is known in a preview that makes the server, too.
  private administrator(
    name: string,
    plan: ManagedServerPlan | ExternalServerPlan,
    password: pulumi.Input<string>,
    extra: Pick<postgresql.ProviderArgs, "database" | "superuser">,
    dependsOn?: pulumi.Resource,
  ): postgresql.Provider {
    return new postgresql.Provider(
      `${name}-administrator`,
      {
        host: plan.host,
        port: plan.port,
        username: plan.adminUser,
        password: pulumi.secret(password),
        sslmode: this.sslMode,
        connectTimeout: 10,
        ...extra,
      },
      { parent: this, dependsOn },
    );
  }
}
