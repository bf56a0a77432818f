import type { ProviderDefinition } from "../../../providers/kit/types";
import { packageSchema } from "../bridge/package-schema";
import { CONFIG, REMEDY, VERSION, checkConfig } from "./config";
import { database } from "./database";
import { grant } from "./grant";
import { role } from "./role";
import { DATABASE, GRANT, ROLE } from "./specs";

/** Stand-in for Pulumi's official `postgresql` plugin. */
export const definition: ProviderDefinition = {
  name: "postgresql",
  version: VERSION,
  remedy: REMEDY,
  schema: packageSchema({
    name: "postgresql",
    version: VERSION,
    resources: [ROLE, DATABASE, GRANT],
    config: CONFIG,
  }),
  checkConfig,
  resources: { [ROLE.token]: role, [DATABASE.token]: database, [GRANT.token]: grant },
};
