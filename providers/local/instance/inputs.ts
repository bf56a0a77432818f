import { replicaName } from "../../../plan/names";
import type { DeclaredState, ResourceLimits } from "../../../plan/types";
import type { Props } from "../../kit/types";
import type { ConnectionSettings } from "../support/database";

/** Checked inputs of an Instance. */
export interface InstanceInputs {
  name: string;
  key: string;
  /** Shown on NocoBase's own pages. */
  title: string;
  release: string;
  host: string;
  port: number;
  database: ConnectionSettings;
  state: DeclaredState;
  env: Record<string, string>;
  secretEnv: Record<string, string>;
  hostsApps: boolean;
  rootEmail: string;
  rootPassword: string;
  heapLimitMiB?: number;
  replicas: number;
  /** Ports of the replicas after the first. */
  replicaPorts: number[];
  resources: ResourceLimits;
}

/** One process of an instance. */
export interface Replica {
  /** From 1. */
  number: number;
  /** Name of its unit. */
  name: string;
  port: number;
}

type Optional = "replicas" | "replicaPorts" | "resources";
type InstanceArgs = Omit<InstanceInputs, Optional> & Partial<Pick<InstanceInputs, Optional>>;

/** The inputs without the provider's own marks. */
export function instanceInputs(props: Props): InstanceInputs {
  const given = props as unknown as InstanceArgs;
  return {
    name: given.name,
    key: given.key,
    title: given.title,
    release: given.release,
    host: given.host,
    port: given.port,
    database: given.database,
    state: given.state,
    env: given.env,
    secretEnv: given.secretEnv,
    hostsApps: given.hostsApps,
    rootEmail: given.rootEmail,
    rootPassword: given.rootPassword,
    heapLimitMiB: given.heapLimitMiB,
    replicas: given.replicas ?? 1,
    replicaPorts: given.replicaPorts ?? [],
    resources: given.resources ?? {},
  };
}

/** All processes that serve the instance, the first one first. */
export function replicasOf({ name, port, replicas, replicaPorts }: InstanceInputs): Replica[] {
  const ports = [port, ...replicaPorts].slice(0, replicas);
  return ports.map((each, index) => ({ number: index + 1, name: replicaName(name, index + 1), port: each }));
}

/** Address of the first process, or of the replica with this port, without a trailing slash. */
export function instanceUrl({ host, port }: Pick<InstanceInputs, "host" | "port">): string {
  return `http://${host}:${port}`;
}
