import type { ProviderDefinition } from "../../../providers/kit/types";
import { packageSchema } from "../bridge/package-schema";
import { CONFIG, REMEDY, VERSION, checkConfig, diffConfig } from "./config";
import { anyObject } from "./handler";
import { isObjectType } from "./tokens";

/** Stand-in for Pulumi's official `kubernetes` plugin: every kind of object, by server-side apply. */
export const definition: ProviderDefinition = {
  name: "kubernetes",
  version: VERSION,
  remedy: REMEDY,
  schema: packageSchema({ name: "kubernetes", version: VERSION, resources: [], config: CONFIG }),
  checkConfig,
  diffConfig,
  resources: {},
  otherResources: {
    description: "every kind of object, but no Patch or List of one and no Helm, YAML or Kustomize",
    find: (type) => (isObjectType(type) ? anyObject : undefined),
  },
};
