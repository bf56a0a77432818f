import type { DeclaredState } from "../../../plan/types";
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
}

/** The inputs without the provider's own marks. */
export function instanceInputs(props: Props): InstanceInputs {
  const given = props as unknown as InstanceInputs;
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
  };
}

/** Address of the process, without a trailing slash. */
export function instanceUrl({ host, port }: Pick<InstanceInputs, "host" | "port">): string {
  return `http://${host}:${port}`;
}
