import type { ProviderDefinition } from "../kit/types";
import { application } from "./application/handler";
import { declaration } from "./declaration";
import { schema } from "./schema";

/** The `nocobase` provider: applications inside a NocoBase instance. */
export const definition: ProviderDefinition = {
  name: schema.name,
  version: schema.version,
  schema: JSON.stringify(schema),
  resources: { "nocobase:index:Application": application, "nocobase:index:Declaration": declaration },
};
