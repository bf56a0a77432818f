/** What kwok, which plays the nodes of a test cluster, does with those who want into a pod. */

/** Where port-forwards and programs of all pods end up. */
export interface Inside {
  /** Port on this machine that every port of a pod leads to; by namespace, where not all lead to the same. */
  port: number | Readonly<Record<string, number>>;
  /** Variables of programs that are run in pods: they run on this machine. */
  variables: Readonly<Record<string, string>>;
}

/** Settings file: one document for each part, as JSON, which is YAML. */
export function kwokSettings(inside: Inside | undefined): string {
  const documents: object[] = [
    { apiVersion: "config.kwok.x-k8s.io/v1alpha1", kind: "KwokConfiguration", options: {} },
  ];
  if (inside) {
    const envs = Object.entries(inside.variables).map(([name, value]) => ({ name, value }));
    const part = (kind: string, name: string, spec: object) =>
      documents.push({ apiVersion: "kwok.x-k8s.io/v1alpha1", kind, metadata: { name }, spec });
    const forwards = (port: number) => [{ target: { port, address: "127.0.0.1" } }];
    if (typeof inside.port === "number")
      part("ClusterPortForward", "all", { forwards: forwards(inside.port) });
    else
      for (const [namespace, port] of Object.entries(inside.port))
        part("ClusterPortForward", namespace, {
          selector: { matchNamespaces: [namespace] },
          forwards: forwards(port),
        });
    part("ClusterExec", "all", { execs: [{ local: { envs } }] });
  }
  return documents.map((document) => JSON.stringify(document)).join("\n---\n");
}
