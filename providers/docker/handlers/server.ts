import { found } from "../../../toolchain/plugins/docker/daemon";
import type { Context, ResourceHandler } from "../../kit/types";
import { foreignDatabases } from "../../local/postgres/admin";
import { messageOf } from "../../local/support/files";
import { bringUp } from "../running";
import { placeOf } from "./context";
import { service, START_LIMIT_MS } from "./service";

interface ServerInputs {
  name: string;
  containers: string[];
  /** Volume of the data, for messages. */
  volume: string;
  port: number;
  adminUser: string;
  adminPassword: string;
}

/**
 * `nocobase-docker:index:Server`: keeps a PostgreSQL server running, and refuses to let it go while it holds a
 * database that isn't PostgreSQL's own.
 */
export const server: ResourceHandler = {
  ...service,
  secretOutputs: ["adminPassword"],

  async delete(_id, outputs, context) {
    const inputs = outputs as unknown as ServerInputs;
    const databases = await databasesOf(inputs, context);
    if (databases.length === 0) return;
    throw new Error(
      `PostgreSQL ${inputs.name} still holds the databases ${databases.join(", ")}, so it is not removed. ` +
        "Remove the apps they belong to first (see `deletion` in the stack file), or drop them by hand.",
    );
  },
};

async function databasesOf(inputs: ServerInputs, context: Context): Promise<string[]> {
  const { daemon } = placeOf(context);
  const { name, containers, volume, signal } = { ...inputs, signal: context.signal };
  if (!(await found(() => daemon.docker.getVolume(volume).inspect()))) return [];
  try {
    await bringUp(daemon, containers, { timeoutMs: START_LIMIT_MS, signal });
    return await foreignDatabases(inputs);
  } catch (error) {
    throw new Error(
      `PostgreSQL ${name} can't be asked which databases it holds, so it is not removed: ${messageOf(error)}\n` +
        `Repair it (fleet logs ${name}), or, if its data may go, remove the volume ${volume} and run this again.`,
    );
  }
}
