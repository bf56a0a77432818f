import type { ProviderDefinition } from "../kit/types";
import { appFiles } from "./handlers/app-files";
import { gateway } from "./handlers/gateway";
import { instance } from "./handlers/instance";
import { postgresServer } from "./handlers/postgres-server";
import { release } from "./handlers/release";
import { tenantRoutes } from "./handlers/tenant-routes";
import { schema } from "./schema";

/** The `nocobase-local` provider: a fleet's parts as processes of this machine. */
export const definition: ProviderDefinition = {
  name: schema.name,
  version: schema.version,
  schema: JSON.stringify(schema),
  resources: {
    "nocobase-local:index:PostgresServer": postgresServer,
    "nocobase-local:index:Release": release,
    "nocobase-local:index:AppFiles": appFiles,
    "nocobase-local:index:Instance": instance,
    "nocobase-local:index:Gateway": gateway,
    "nocobase-local:index:TenantRoutes": tenantRoutes,
  },
};
