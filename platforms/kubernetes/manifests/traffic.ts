/** How requests come to an instance. */
import { APP, NO_WAIT, metadata, podSelector, type InstanceFacts, type Manifest } from "./object";

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

/**
 * Not every controller ever says that an ingress is ready, so nobody waits for it.
 * @param hosts host names without a port
 * @param uploadLimitMiB largest request body
 */
export function ingress(facts: InstanceFacts, hosts: readonly string[], uploadLimitMiB: number): Manifest {
  const { class: ingressClassName, issuer, annotations } = facts.cluster.ingress;
  const certificate: Record<string, string> = issuer ? { "cert-manager.io/cluster-issuer": issuer } : {};
  const backend = { service: { name: APP, port: { name: "http" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: metadata(facts, APP, {
      ...NO_WAIT,
      // Other controllers have no limit, or one of their own among `annotations`.
      "nginx.ingress.kubernetes.io/proxy-body-size": `${uploadLimitMiB}m`,
      ...certificate,
      ...annotations,
    }),
    spec: {
      ...(ingressClassName ? { ingressClassName } : {}),
      ...(issuer ? { tls: [{ hosts: [...hosts], secretName: "certificate" }] } : {}),
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } })),
    },
  };
}
