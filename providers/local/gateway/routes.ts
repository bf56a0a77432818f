import type { DeclaredState, Isolation } from "../../../plan/types";

/** One line of the gateway's routing table. */
export interface GatewayRoute {
  /** Key of the entry app (`entry`), environment or app; the `<app>` of `/apps/<app>/`. */
  key: string;
  kind: "entry" | "environment" | "app";
  title: string;
  isolation?: Isolation;
  /** Host names in lower case, without a port. */
  hosts: string[];
  /** Address of the instance's first NocoBase process, e.g. `http://127.0.0.1:21034`. */
  target: string;
  /** Name of the instance, whose ready processes serve it; without one `target` alone does. */
  instance?: string;
  /** Addresses of all its processes, where no supervisor tells of them: the gateway asks each for its health. */
  targets?: string[];
  /** Folder of that instance's endpoint file; the platform's own by default. Set where a tenant's file is read. */
  endpoints?: string;
  state: DeclaredState;
}

/** Contents of the gateway's routes file. */
export interface RoutingTable {
  host: string;
  port: number;
  domain: string;
  uploadLimitMiB: number;
  /** True where a proxy of the fleet's own stands before it, whose word on the client's address and scheme counts. */
  behindProxy?: boolean;
  routes: GatewayRoute[];
}
