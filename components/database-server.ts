import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { DatabaseServerPlan } from "../plan/types";
import type { Platform } from "../platforms/types";

export interface DatabaseServerArgs {
  /** Managed (this fleet runs it) or external (by address). */
  plan: DatabaseServerPlan;
  platform: Platform;
  /** Administrator's password of an external server; a managed one gets a random password. */
  adminPassword?: pulumi.Input<string>;
}

/**
 * A PostgreSQL server and the one `postgresql` provider that makes roles and databases on it.
 *
 * @example new DatabaseServer("main", { plan: plan.databaseServers.main, platform })
 */
export class DatabaseServer extends pulumi.ComponentResource {
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** libpq's sslmode for the apps' own connections. */
  readonly sslMode: string;
  /** Connects as the administrator. */
  readonly provider: postgresql.Provider;
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
    plan: DatabaseServerPlan,
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
