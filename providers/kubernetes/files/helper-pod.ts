/** A pod that has an instance's volume mounted, where the instance's own pods are gone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { KubernetesObject } from "../../../toolchain/plugins/kubernetes/api/kinds";
import { troubleOf } from "../../../toolchain/plugins/kubernetes/ready/pods";
import { clusterOf, type InstanceAddress } from "../instance-pods";

const NAME = "fleet-helper";
const USER = 1000;
const MEMORY = "512Mi";
const START_LIMIT_MS = 300_000;
/** Ends by itself where whoever made it was killed. */
const LIFE_SECONDS = 3600;
const POLL_MS = 500;

export interface HelperPod {
  readonly address: InstanceAddress;
  readonly image: string;
  /** Claim of the volume. */
  readonly claim: string;
  /** Where the image expects it. */
  readonly mountPath: string;
  readonly pullSecrets: readonly string[];
}

/** Runs `work` with a ready pod, which is removed afterwards. @throws Error naming what holds the pod up */
export async function withHelperPod<Result>(
  options: HelperPod,
  signal: AbortSignal,
  work: (pod: KubernetesObject) => Promise<Result>,
): Promise<Result> {
  const cluster = clusterOf(options.address);
  const manifest = podOf(options);
  await gone();
  await cluster.create(manifest, { signal });
  try {
    return await work(await ready());
  } finally {
    await cluster.delete(manifest, { propagation: "Background" });
  }

  async function ready(): Promise<KubernetesObject> {
    const end = Date.now() + START_LIMIT_MS;
    for (;;) {
      const found = await cluster.find(manifest, signal);
      if (!found) throw new Error(`pod ${NAME} in namespace ${options.address.namespace} was deleted`);
      const { conditions = [] } = found.status as { conditions?: { type: string; status: string }[] };
      if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return found;
      if (Date.now() > end) throw new Error(troubleOf(found) ?? `pod ${NAME} does not start`);
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** One that a killed run left. */
  async function gone(): Promise<void> {
    await cluster.delete(manifest, { propagation: "Background", signal });
    while (await cluster.find(manifest, signal)) await sleep(POLL_MS, undefined, { signal });
  }
}

function podOf({ address, image, claim, mountPath, pullSecrets }: HelperPod): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: NAME,
      namespace: address.namespace,
      labels: { "app.kubernetes.io/name": NAME, "app.kubernetes.io/managed-by": "pulumi" },
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      activeDeadlineSeconds: LIFE_SECONDS,
      terminationGracePeriodSeconds: 1,
      ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: "RuntimeDefault" },
      },
      containers: [
        {
          name: "helper",
          image,
          command: ["node", "-e", `setTimeout(() => {}, ${LIFE_SECONDS * 1000})`],
          resources: { requests: { cpu: "100m", memory: MEMORY }, limits: { memory: MEMORY } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [{ name: "files", mountPath }],
        },
      ],
      volumes: [{ name: "files", persistentVolumeClaim: { claimName: claim } }],
    },
  };
}
