import { changedPaths } from "../../kit/values";
import type { Props, ResourceHandler } from "../../kit/types";
import { failuresOf, isText } from "../../local/handlers/context";
import { memoryMiB } from "../../../config/quantities";
import { UnknownKind } from "../../../toolchain/plugins/kubernetes/api/kinds";
import { clusterOf, type InstanceAddress } from "../instance-pods";

interface GuardInputs {
  server: string;
  address: InstanceAddress;
  version: number;
  size: string;
  storageClass: string;
}

function inputsOf(props: Props): GuardInputs {
  return props as unknown as GuardInputs;
}

/** Names of the Database objects beside the server: what `deletion: retain` has left is among them. */
async function databasesOf({ address }: GuardInputs, signal: AbortSignal): Promise<string[]> {
  const { namespace, context } = address;
  const reference = { apiVersion: "postgresql.cnpg.io/v1", kind: "Database", metadata: { namespace } };
  try {
    const found = await clusterOf({ context }).list(reference, {}, signal);
    return found.map(({ metadata }) => metadata.name ?? "").sort();
  } catch (error) {
    // Without the operator's kinds there is no server of its either.
    if (error instanceof UnknownKind) return [];
    throw error;
  }
}

/** What the operator refuses in the middle of an update, or what would leave the data behind. */
function refusal(was: GuardInputs, is: GuardInputs): string | undefined {
  const field = `databaseServers.${is.server}`;
  const kept = "A server stays what it is while it holds data; declare another one for new apps";
  if (was.address.context !== is.address.context || was.address.namespace !== is.address.namespace) {
    return `${field}.context: a server can't move to another cluster. ${kept}.`;
  }
  if (was.storageClass !== is.storageClass) {
    const [from, to] = [was.storageClass, is.storageClass].map((name) => name || "the default");
    return `${field}.storage.class: volumes can't change from ${from} to ${to}. ${kept}.`;
  }
  if (memoryMiB(is.size) < memoryMiB(was.size)) {
    return `${field}.storage.size: volumes can't shrink from ${was.size} to ${is.size}. Write ${was.size} or more.`;
  }
  if (is.version < was.version) {
    return `${field}.version: PostgreSQL can't go back from ${was.version} to ${is.version}. Write ${was.version}.`;
  }
  return undefined;
}

/** `nocobase-kubernetes:index:ServerGuard`: keeps a server that still holds databases, and what can't change as it is. */
export const serverGuard: ResourceHandler = {
  check(news) {
    return { inputs: news, failures: failuresOf(news, { server: isText, size: isText }) };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const refused = refusal(inputsOf(oldInputs), inputsOf(news));
    if (refused !== undefined) throw new Error(refused);
    return { changes: changedPaths(oldInputs, news).map((path) => ({ path })) };
  },

  create(inputs) {
    return Promise.resolve({ id: inputsOf(inputs).address.namespace, outputs: inputs });
  },

  update(_id, _olds, news) {
    return Promise.resolve(news);
  },

  async delete(_id, olds, { signal }) {
    const inputs = inputsOf(olds);
    const { server, address } = inputs;
    const left = await databasesOf(inputs, signal);
    if (left.length === 0) return;
    const { namespace } = address;
    throw new Error(
      `database server ${server} still holds databases: ${left.join(", ")}. It stays, with namespace ${namespace}. ` +
        "Where nobody needs them any more, run " +
        `kubectl delete databases.postgresql.cnpg.io --namespace ${namespace} ${left.join(" ")}; then run this again`,
    );
  },
};
