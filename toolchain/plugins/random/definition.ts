import type { ProviderDefinition } from "../../../providers/kit/types";
import { officialRemedy } from "../bridge/check";
import { packageSchema } from "../bridge/package-schema";
import { bytes, id } from "./bytes";
import { randomHandler } from "./handler";
import { VERSION } from "./specs";
import { password, string } from "./text";

const kinds = [bytes, id, password, string];

/** Stand-in for Pulumi's official `random` plugin. */
export const definition: ProviderDefinition = {
  name: "random",
  version: VERSION,
  remedy: officialRemedy("random", VERSION),
  schema: packageSchema({ name: "random", version: VERSION, resources: kinds.map(({ spec }) => spec) }),
  resources: Object.fromEntries(kinds.map((kind) => [kind.spec.token, randomHandler(kind)])),
};
