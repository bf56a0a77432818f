/** Programs on the kubernetes plugin for tests: one of each kind that fleets use. */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Context } from "mocha";
import { NoKubernetes } from "../../support/kubernetes-program";
import { TestCluster, type ClusterOptions } from "../../support/kubernetes";
import { skipBecause } from "../../support/skip";

export const NAMESPACE = "shop";
export const SECRET = "a-secret-that-must-stay-secret";

/** A cluster, or the suite is skipped with the reason. The first one on a machine is compiled: allow for minutes. */
export async function startCluster(context: Context, options: ClusterOptions = {}): Promise<TestCluster> {
  context.timeout(20 * 60_000);
  try {
    return await TestCluster.start(options);
  } catch (error) {
    if (error instanceof NoKubernetes) return skipBecause(context, error.message);
    throw error;
  }
}

/** What the Pod Security standard `restricted` asks of a container. */
export const RESTRICTED = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};

export interface Edits {
  image?: string;
  replicas?: number;
  /** Value of the environment variable TOKEN. */
  token?: string;
  selector?: Record<string, string>;
  securityContext?: object;
  password?: string;
  serviceType?: string;
  cpu?: string;
}

/** A namespace with an app in it: Secret, Deployment, Service, quota and network policy. */
export function shop(
  kubeconfig: pulumi.Input<string>,
  edits: Edits = {},
  options: kubernetes.ProviderArgs = {},
) {
  const args = { kubeconfig: pulumi.secret(kubeconfig), enableSecretMutable: true, ...options };
  const provider = new kubernetes.Provider("cluster", args);
  const labels = { "pod-security.kubernetes.io/enforce": "restricted", owner: "tests" };
  const own = { provider };
  const namespace = new kubernetes.core.v1.Namespace(
    "namespace",
    { metadata: { name: NAMESPACE, labels } },
    own,
  );
  const within = (name: string) => ({ name, namespace: namespace.metadata.name });
  const secret = new kubernetes.core.v1.Secret(
    "secret",
    { metadata: within("app"), stringData: { password: edits.password ?? SECRET } },
    own,
  );
  const app = edits.selector ?? { app: "web" };
  new kubernetes.apps.v1.Deployment(
    "app",
    {
      metadata: within("app"),
      spec: {
        replicas: edits.replicas ?? 2,
        selector: { matchLabels: app },
        template: {
          metadata: { labels: app },
          spec: {
            automountServiceAccountToken: false,
            containers: [
              {
                name: "app",
                image: edits.image ?? "registry.example/app:1",
                ports: [{ containerPort: 80 }],
                env: [
                  { name: "TOKEN", value: pulumi.secret(edits.token ?? SECRET) },
                  {
                    name: "PASSWORD",
                    valueFrom: { secretKeyRef: { name: secret.metadata.name, key: "password" } },
                  },
                ],
                resources: {
                  requests: { cpu: edits.cpu ?? "0.1", memory: "128Mi" },
                  limits: { memory: "1024Mi" },
                },
                securityContext: edits.securityContext ?? RESTRICTED,
              },
            ],
          },
        },
      },
    },
    own,
  );
  new kubernetes.core.v1.Service(
    "service",
    { metadata: within("app"), spec: { selector: app, type: edits.serviceType, ports: [{ port: 80 }] } },
    own,
  );
  new kubernetes.core.v1.ResourceQuota(
    "quota",
    { metadata: within("quota"), spec: { hard: { pods: "10", "requests.cpu": "4000m" } } },
    own,
  );
  new kubernetes.networking.v1.NetworkPolicy(
    "policy",
    { metadata: within("deny"), spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } },
    own,
  );
  return { namespace, secret };
}
