import * as kubernetes from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Manifest } from "./manifests/object";

const { core, apps, networking, policy, autoscaling, apiextensions } = kubernetes;

type Constructor = new (
  name: string,
  // The typed arguments of each kind; the API server itself checks every field, in the preview already.
  args: never,
  options: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

const KINDS: Readonly<Record<string, Constructor>> = {
  Namespace: core.v1.Namespace,
  PersistentVolumeClaim: core.v1.PersistentVolumeClaim,
  ResourceQuota: core.v1.ResourceQuota,
  LimitRange: core.v1.LimitRange,
  ServiceAccount: core.v1.ServiceAccount,
  Secret: core.v1.Secret,
  Service: core.v1.Service,
  Deployment: apps.v1.Deployment,
  Ingress: networking.v1.Ingress,
  NetworkPolicy: networking.v1.NetworkPolicy,
  PodDisruptionBudget: policy.v1.PodDisruptionBudget,
  HorizontalPodAutoscaler: autoscaling.v2.HorizontalPodAutoscaler,
  HTTPRoute: apiextensions.CustomResource,
  Cluster: apiextensions.CustomResource,
  DatabaseRole: apiextensions.CustomResource,
  Database: apiextensions.CustomResource,
  ObjectStore: apiextensions.CustomResource,
  ScheduledBackup: apiextensions.CustomResource,
};

/** The resource of a manifest. @throws Error for a kind that fleets don't use */
export function createObject(
  name: string,
  manifest: Manifest,
  options: pulumi.CustomResourceOptions,
): pulumi.CustomResource {
  const Kind = KINDS[manifest.kind];
  if (!Kind) throw new Error(`no resource for kind ${manifest.kind}`);
  return new Kind(name, manifest as never, options);
}
