import type { ProviderDefinition } from "../../../providers/kit/types";
import { packageSchema } from "../bridge/package-schema";
import { CONFIG, REMEDY, VERSION, checkConfig } from "./config";
import { container } from "./container/handler";
import { CONTAINER } from "./container/spec";
import { image } from "./image";
import { network } from "./network";
import { IMAGE, NETWORK, VOLUME } from "./specs";
import { volume } from "./volume";

/** Stand-in for Pulumi's official `docker` plugin. */
export const definition: ProviderDefinition = {
  name: "docker",
  version: VERSION,
  remedy: REMEDY,
  schema: packageSchema({
    name: "docker",
    version: VERSION,
    resources: [NETWORK, VOLUME, IMAGE, CONTAINER],
    config: CONFIG,
  }),
  checkConfig,
  resources: {
    [NETWORK.token]: network,
    [VOLUME.token]: volume,
    [IMAGE.token]: image,
    [CONTAINER.token]: container,
  },
};
