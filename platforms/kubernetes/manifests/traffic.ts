/** How requests come to an instance. */
import { APP, NO_WAIT, metadata, podSelector, type InstanceFacts, type Manifest, type Place } from "./object";

const PORT = 80;

/** Address of an instance within the cluster. */
export function serviceUrl({ namespace }: Pick<InstanceFacts, "namespace">): string {
  return `http://${APP}.${namespace}.svc`;
}

/** Ready when the Deployment is, which is waited for. */
export function service(facts: InstanceFacts): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(facts, APP, NO_WAIT),
    spec: {
      type: "ClusterIP",
      selector: podSelector,
      ports: [{ name: "http", port: PORT, targetPort: "http", protocol: "TCP" }],
    },
  };
}

export interface Route {
  /** Host names without a port. */
  readonly hosts: readonly string[];
  /** Largest request body. */
  readonly uploadLimitMiB: number;
  /** Key of the app that the instance hosts, where it is not the instance's own. */
  readonly hostedApp?: string;
}

/** An Ingress, or an HTTPRoute where the cluster has a Gateway. */
export function trafficRoute(facts: Place, route: Route): Manifest {
  return facts.cluster.gatewayApi ? httpRoute(facts, route, facts.cluster.gatewayApi) : ingress(facts, route);
}

/** Limits of uploads are the Gateway's own; certificates belong to its listeners. */
function httpRoute(
  facts: Place,
  { hosts, hostedApp }: Route,
  { name, namespace }: NonNullable<Place["cluster"]["gatewayApi"]>,
): Manifest {
  const [own] = hosts;
  // NocoBase knows an app that it hosts by one host name.
  const filters =
    hostedApp !== undefined && hosts.length > 1
      ? [{ type: "URLRewrite", urlRewrite: { hostname: own } }]
      : undefined;
  const matches = [{ path: { type: "PathPrefix", value: "/" } }];
  const backendRefs = [{ name: APP, port: PORT }];
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: metadata(facts, hostedApp === undefined ? APP : `${APP}-${hostedApp}`),
    spec: {
      parentRefs: [{ name, namespace }],
      hostnames: [...hosts],
      rules: [{ matches, backendRefs, ...(filters ? { filters } : {}) }],
    },
  };
}

/** Not every controller ever says that an ingress is ready, so nobody waits for it. */
export function ingress(facts: Place, { hosts, uploadLimitMiB, hostedApp }: Route): Manifest {
  const { class: ingressClassName, issuer, annotations } = facts.cluster.ingress;
  const certificate: Record<string, string> = issuer ? { "cert-manager.io/cluster-issuer": issuer } : {};
  const backend = { service: { name: APP, port: { name: "http" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: metadata(facts, hostedApp === undefined ? APP : `${APP}-${hostedApp}`, {
      ...NO_WAIT,
      // NocoBase knows an app that it hosts by one host name.
      ...(hostedApp !== undefined && hosts.length > 1
        ? { "nginx.ingress.kubernetes.io/upstream-vhost": hosts[0] ?? "" }
        : {}),
      // Other controllers have no limit, or one of their own among `annotations`.
      "nginx.ingress.kubernetes.io/proxy-body-size": `${uploadLimitMiB}m`,
      ...certificate,
      ...annotations,
    }),
    spec: {
      ...(ingressClassName ? { ingressClassName } : {}),
      ...(issuer
        ? {
            tls: [
              {
                hosts: [...hosts],
                secretName: hostedApp === undefined ? "certificate" : `certificate-${hostedApp}`,
              },
            ],
          }
        : {}),
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } })),
    },
  };
}
