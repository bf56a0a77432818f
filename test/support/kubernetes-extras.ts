/** Beyond one plain test cluster: kinds of others, and a second cluster in one kubeconfig. */
import { sign } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import type { TestCluster } from "./kubernetes";

/** What the Gateway API's own definitions are to the API server, any fields allowed. */
export const HTTP_ROUTES = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: {
    name: "httproutes.gateway.networking.k8s.io",
    // The API server asks for the word of a reviewer in groups of Kubernetes' own.
    annotations: { "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api" },
  },
  spec: {
    group: "gateway.networking.k8s.io",
    scope: "Namespaced",
    names: { plural: "httproutes", singular: "httproute", kind: "HTTPRoute" },
    versions: [
      {
        ...{ name: "v1", served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: { spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
          },
        },
      },
    ],
  },
};

type Kubeconfig = Record<"clusters" | "contexts" | "users", Record<string, unknown>[]>;

/** Adds another cluster, as context `other`, to a kubeconfig's file. */
export async function joinContext(file: string, kubeconfig: string): Promise<void> {
  const { clusters, users } = JSON.parse(kubeconfig) as Kubeconfig;
  const config = JSON.parse(await readFile(file, "utf8")) as Kubeconfig;
  const name = "other";
  config.clusters.push({ ...clusters[0], name });
  config.users.push({ ...users[0], name });
  config.contexts.push({ name, context: { cluster: name, user: name } });
  await writeFile(file, JSON.stringify(config));
}

/** A service account's token that ends so soon as the API server itself never gives one out: ten minutes is its least. */
export async function briefToken(
  cluster: TestCluster,
  [namespace, name]: readonly [string, string],
  seconds: number,
): Promise<string> {
  const [header = "", payload = ""] = (await cluster.tokenOf(namespace, name)).split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  const brief = { ...claims, exp: Math.floor(Date.now() / 1000) + seconds };
  const signed = `${header}.${Buffer.from(JSON.stringify(brief)).toString("base64url")}`;
  return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), cluster.signingKey).toString("base64url")}`;
}
