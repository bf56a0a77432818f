import type { ProviderDefinition } from "../kit/types";
import { appFiles } from "./handlers/app-files";
import { instance } from "./handlers/instance";
import { serverGuard } from "./handlers/server-guard";
import { schema } from "./schema";

/** The `nocobase-kubernetes` provider: what lies inside the pods and volumes that the kubernetes provider makes. */
export const definition: ProviderDefinition = {
  name: schema.name,
  version: schema.version,
  schema: JSON.stringify(schema),
  resources: {
    "nocobase-kubernetes:index:AppFiles": appFiles,
    "nocobase-kubernetes:index:Instance": instance,
    "nocobase-kubernetes:index:ServerGuard": serverGuard,
  },
};
