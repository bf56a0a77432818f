/** The program of the postgresql stand-in's tests: one app's database as the fleet makes it. */
import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { ADMIN, ADMIN_PASSWORD, type TestPostgres } from "./postgres";

export const PASSWORD = "app-password-of-tests'\\$1";
export const OTHER_PASSWORD = "another-password-of-tests";

export interface Settings {
  connectionLimit?: number;
  password?: string;
  /** Other configuration of the provider. */
  provider?: Partial<postgresql.ProviderArgs>;
  /** Further resources. */
  more?: (provider: postgresql.Provider) => void;
}

/** A provider that is the server's administrator. */
export function administrator(server: TestPostgres, args: Partial<postgresql.ProviderArgs> = {}) {
  return new postgresql.Provider("server", {
    host: "127.0.0.1",
    port: server.port,
    username: ADMIN,
    password: pulumi.secret(ADMIN_PASSWORD),
    sslmode: "disable",
    connectTimeout: 5,
    ...args,
  });
}

/** Role `crm`, its database `crm_db` closed to PUBLIC, and a role `stranger` that may sign in. */
export function appDatabase(
  server: TestPostgres,
  settings: Settings = {},
): () => Promise<Record<string, unknown>> {
  return () => {
    const provider = administrator(server, settings.provider);
    const options = { provider };
    const role = new postgresql.Role(
      "crm-role",
      {
        name: "crm",
        login: true,
        password: pulumi.secret(settings.password ?? PASSWORD),
        connectionLimit: settings.connectionLimit ?? 5,
      },
      options,
    );
    const database = new postgresql.Database("crm-db", { name: "crm_db", owner: role.name }, options);
    new postgresql.Grant(
      "crm-connect",
      { role: "public", database: database.name, objectType: "database", privileges: [] },
      options,
    );
    new postgresql.Role("stranger", { name: "stranger", login: true, password: OTHER_PASSWORD }, options);
    settings.more?.(provider);
    return Promise.resolve({ encoding: database.encoding, owner: database.owner });
  };
}
