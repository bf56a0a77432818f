/** How this process reaches a hosting instance. */
import { addRoute, baseUrl, type Account } from "./client";

/** A NocoBase that this process is to reach. */
export interface Reached extends Account {
  /** Where it runs in Kubernetes. */
  readonly cluster?: { context?: string; namespace: string };
}

/** An instance in a cluster answers through the API server alone: network policies let nobody else in. */
export function routeToHost({ url, cluster }: Reached): void {
  if (!cluster) return;
  addRoute(baseUrl(url), () => {
    // The cluster's client takes time to load, which hosts elsewhere needn't pay.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- tsx hooks require(), not import(), in CommonJS
    const { tunnelTo } = require("../kubernetes/tunnel") as typeof import("../kubernetes/tunnel");
    return tunnelTo(cluster);
  });
}
