import type { ProviderDefinition } from "../kit/types";
import { checkConfig } from "../../toolchain/plugins/docker/config";
import { appFiles } from "./handlers/app-files";
import { gatewayConfig } from "./handlers/gateway-config";
import { instance } from "./handlers/instance";
import { networkPeers } from "./handlers/network-peers";
import { server } from "./handlers/server";
import { service } from "./handlers/service";
import { tenantRoutes } from "./handlers/tenant-routes";
import { volumeFiles } from "./handlers/volume-files";
import { schema } from "./schema";

/** The `nocobase-docker` provider: what lies inside the containers and volumes that the docker provider makes. */
export const definition: ProviderDefinition = {
  name: schema.name,
  version: schema.version,
  schema: JSON.stringify(schema),
  checkConfig,
  resources: {
    "nocobase-docker:index:VolumeFiles": volumeFiles,
    "nocobase-docker:index:AppFiles": appFiles,
    "nocobase-docker:index:Server": server,
    "nocobase-docker:index:Service": service,
    "nocobase-docker:index:Instance": instance,
    "nocobase-docker:index:GatewayConfig": gatewayConfig,
    "nocobase-docker:index:TenantRoutes": tenantRoutes,
    "nocobase-docker:index:NetworkPeers": networkPeers,
  },
};
