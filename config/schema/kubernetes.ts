/** What may be said of a cluster, and of an instance's place in it. */
import { z } from "zod";
import { documented } from "./fields";

/** An image's name with `{version}`, a tag or a digest. */
export const image =
  /^[a-z0-9][a-z0-9._-]*(?::[0-9]+)?(?:\/[a-z0-9][a-z0-9._-]*)*(?::(?:[A-Za-z0-9_.-]|\{version\}){1,128}|@sha256:[0-9a-f]{64})$/;
export const objectName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const labelKey =
  /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
export const labelValue = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;
export const storageSize = /^\d+(?:Mi|Gi|Ti)$/;

export const name = (description: string, example: string, defaultText: string) =>
  documented(z.string().regex(objectName).optional(), {
    description,
    allowed: "the name of an object",
    examples: [example],
    defaultText,
  });

export const label = documented(z.string().regex(labelKey), {
  description: "Key of a label.",
  allowed: "a label's key, such as kubernetes.io/arch",
});

export const context = (description: string, defaultText: string) =>
  documented(z.string().min(1).max(253).optional(), {
    description,
    allowed: "a context of the kubeconfig (KUBECONFIG, else ~/.kube/config)",
    examples: ["production"],
    defaultText,
  });

export const toleration = documented(
  z.strictObject({
    key: documented(z.string().regex(labelKey), {
      description: "Key of the taint.",
      allowed: "a taint's key",
      examples: ["dedicated"],
    }),
    value: documented(z.string().regex(labelValue).optional(), {
      description: "Value of the taint.",
      allowed: "a taint's value",
      examples: ["crm"],
      defaultText: "any value",
    }),
    effect: documented(z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(), {
      description: "Effect of the taint.",
      allowed: "NoSchedule, PreferNoSchedule or NoExecute",
      examples: ["NoSchedule"],
      defaultText: "every effect",
    }),
  }),
  { description: "A taint of nodes that is put up with.", allowed: "a map with `key`" },
);

const storage = documented(
  z
    .strictObject({
      size: documented(z.string().regex(storageSize).default("10Gi"), {
        description:
          "Size of the volume for files. It may grow where the storage class allows that, and never shrinks.",
        allowed: "a quantity in Mi, Gi or Ti",
        examples: ["20Gi"],
      }),
      class: name(
        "Storage class. One that keeps volumes (`reclaimPolicy: Retain`) is safest.",
        "fast",
        "the cluster's default class",
      ),
      accessMode: documented(z.enum(["ReadWriteOnce", "ReadWriteMany"]).default("ReadWriteOnce"), {
        description:
          "`ReadWriteMany` is needed for more than one replica, and lets updates go without a break. Choose it before the first `up`: a claim can't change it.",
        allowed: "ReadWriteOnce or ReadWriteMany",
        examples: ["ReadWriteMany"],
      }),
    })
    .prefault({}),
  { description: "Volume for files.", allowed: "a map", examples: [{ size: "20Gi" }] },
);

/** Where an instance's pods go. */
export const placement = documented(
  z
    .strictObject({
      context: context("Cluster of this instance: one fleet may span several.", "`kubernetes.context`"),
      nodeSelector: documented(
        z
          .record(
            label,
            documented(z.string().regex(labelValue), {
              description: "Value of a label.",
              allowed: "a label's value",
            }),
          )
          .prefault({}),
        {
          description: "Labels that a node must have.",
          allowed: "a map of labels",
          examples: [{ pool: "crm" }],
        },
      ),
      preferredNodes: documented(
        z
          .record(
            label,
            documented(z.string().regex(labelValue), {
              description: "Value of a label.",
              allowed: "a label's value",
            }),
          )
          .prefault({}),
        {
          description: "Labels of nodes to go to where there is room.",
          allowed: "a map of labels",
          examples: [{ "node.kubernetes.io/instance-type": "large" }],
        },
      ),
      tolerations: documented(z.array(toleration).max(20).default([]), {
        description: "Taints of nodes that are put up with.",
        allowed: "a list of maps with `key`, `value`, `effect`",
        examples: [[{ key: "dedicated", value: "crm" }]],
      }),
      priorityClass: name("Priority class of the pods.", "business-critical", "none"),
      storage,
    })
    .prefault({}),
  {
    description: "Platform kubernetes only. Where its pods run and its files lie.",
    allowed: "a map",
    examples: [{ nodeSelector: { pool: "crm" } }],
  },
);

export const kubernetesSchema = z.strictObject({
  image: documented(z.string().regex(image).optional(), {
    description:
      "NocoBase's image as `fleet images build` makes it, in a registry that the cluster reaches; `{version}` stands for the release.",
    allowed: "an image's name with a tag or a digest",
    examples: ["registry.example.com/nocobase-fleet/nocobase:{version}"],
    defaultText: "none: platform kubernetes needs one",
  }),
  gatewayApi: documented(
    z
      .strictObject({
        name: documented(z.string().regex(objectName), {
          description: "Name of the Gateway.",
          allowed: "the name of an object",
          examples: ["public"],
        }),
        namespace: documented(z.string().regex(objectName), {
          description:
            "Namespace of the Gateway, whose pods are the only ones that reach the apps; its listeners must allow routes of other namespaces.",
          allowed: "the name of a namespace",
          examples: ["gateway-system"],
        }),
        https: documented(z.boolean().default(true), {
          description: "Whether its listener for these hosts has TLS: addresses are https then.",
          allowed: "true or false",
          examples: [false],
        }),
      })
      .optional(),
    {
      description: "A Gateway (Gateway API) in place of an ingress controller: apps get HTTPRoutes.",
      allowed: "a map with `name` and `namespace`",
      examples: [{ name: "public", namespace: "gateway-system" }],
      defaultText: "none: apps get Ingresses",
    },
  ),
  context: context("Cluster of all instances that name none.", "the kubeconfig's current context"),
  ingress: documented(
    z
      .strictObject({
        class: name("Ingress class.", "nginx", "the cluster's default class"),
        controllerNamespace: documented(z.string().regex(objectName).default("ingress-nginx"), {
          description: "Namespace of the ingress controller: the only one that reaches the apps.",
          allowed: "the name of a namespace",
          examples: ["traefik"],
        }),
        issuer: name(
          "cert-manager's ClusterIssuer that makes the certificates. With one, addresses are https.",
          "letsencrypt",
          "none: plain HTTP",
        ),
        annotations: documented(
          z
            .record(
              documented(z.string().regex(labelKey), {
                description: "Key of an annotation.",
                allowed: "an annotation's key",
              }),
              documented(z.string().max(4096), { description: "Value of an annotation.", allowed: "text" }),
            )
            .prefault({}),
          {
            description: "Annotations for your ingress controller.",
            allowed: "a map of texts",
            examples: [{ "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600" }],
          },
        ),
      })
      .prefault({}),
    {
      description: "How people reach the fleet.",
      allowed: "a map",
      examples: [{ class: "nginx", issuer: "letsencrypt" }],
    },
  ),
  egress: documented(
    z
      .array(
        documented(
          z.strictObject({
            cidr: documented(z.union([z.cidrv4(), z.cidrv6()]), {
              description: "Addresses.",
              allowed: "a network in CIDR form",
              examples: ["192.0.2.0/24"],
            }),
            port: documented(z.int().min(1).max(65535), {
              description: "Port.",
              allowed: "a whole number from 1 to 65535",
              examples: [587],
            }),
          }),
          { description: "A network that apps may connect to.", allowed: "a map with `cidr` and `port`" },
        ),
      )
      .max(50)
      .default([]),
    {
      description:
        "What apps may connect to beside DNS and their database: mail servers, webhooks. All else is refused.",
      allowed: "a list of maps with `cidr` and `port`",
      examples: [[{ cidr: "192.0.2.10/32", port: 587 }]],
    },
  ),
});

/** How many replicas an autoscaler may make. */
export const replicaRange = (most: number) =>
  z.strictObject({
    min: documented(z.int().min(1).max(most), {
      description: "Fewest replicas.",
      allowed: `a whole number from 1 to ${most}`,
    }),
    max: documented(z.int().min(1).max(most), {
      description: "Most replicas.",
      allowed: `a whole number from 1 to ${most}`,
    }),
    cpuPercent: documented(z.int().min(10).max(100).default(70), {
      description: "Processor time that is aimed at, in percent of what a replica asks for.",
      allowed: "a whole number from 10 to 100",
    }),
  });
