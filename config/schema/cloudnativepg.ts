/** What may be said of a PostgreSQL server that the CloudNativePG operator runs. */
import { z } from "zod";
import { cpuAllowed, cpuPattern, memoryAllowed, memoryPattern } from "../quantities";
import { documented } from "./fields";
import { context, image, name, objectName, storageSize } from "./kubernetes";

/** The newest server that the `pg_dump` of NocoBase's images reads: without a dump nothing is upgraded or removed. */
export const newestPostgres = 15;

const s3 = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9._-]+)*$/;
const s3Allowed = "s3://, a bucket, and a path where there is one";
const endpoint = documented(z.url({ protocol: /^https?$/ }).optional(), {
  description: "Address of an object store that speaks S3, where it isn't Amazon's.",
  allowed: "a URL with http or https",
  examples: ["https://minio.example.com:9000"],
  defaultText: "Amazon S3",
});
const folder = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const backups = documented(
  z
    .strictObject({
      destination: documented(z.string().regex(s3), {
        description: "Where base backups and the write-ahead log go. The bucket must be there.",
        allowed: s3Allowed,
        examples: ["s3://backups/fleet"],
      }),
      endpoint,
      name: documented(z.string().regex(folder).optional(), {
        description: "Folder in it; one that holds another server's backups is refused by the operator.",
        allowed: "a-z, 0-9 and inner hyphens, at most 63 characters",
        examples: ["shop-postgres-main"],
        defaultText: "the server's namespace",
      }),
      schedule: documented(
        z
          .string()
          .regex(/^\S+(?: \S+){5}$/)
          .default("0 0 2 * * *"),
        {
          description: "When a base backup is taken, as a cron expression of six fields: seconds come first.",
          allowed: "six fields with a space between them",
          examples: ["0 30 1 * * *"],
        },
      ),
      retention: documented(
        z
          .string()
          .regex(/^[1-9]\d{0,3}[dwm]$/)
          .default("30d"),
        {
          description: "How long one can go back to; what is older is removed.",
          allowed: "a number of days, weeks or months, such as 30d, 4w or 3m",
          examples: ["90d"],
        },
      ),
    })
    .optional(),
  {
    description:
      "Continuous backups to an object store, by the plugin barman-cloud.cloudnative-pg.io. Keys of the store go to `objectStoreKeys`.",
    allowed: "a map with `destination`",
    examples: [{ destination: "s3://backups/fleet" }],
    defaultText: "none",
  },
);

const recovery = documented(
  z
    .strictObject({
      destination: documented(z.string().regex(s3), {
        description: "Where the other server's backups are.",
        allowed: s3Allowed,
        examples: ["s3://backups/fleet"],
      }),
      endpoint,
      name: documented(z.string().regex(folder), {
        description: "The other server's folder in it: its `backups.name`, by default its namespace.",
        allowed: "a-z, 0-9 and inner hyphens, at most 63 characters",
        examples: ["shop-postgres-main"],
      }),
      until: documented(z.iso.datetime({ offset: true }).optional(), {
        description: "The moment to go back to.",
        allowed: "a date and time with its time zone, in quotes",
        examples: ["2026-11-23T08:00:00Z"],
        defaultText: "the end of the write-ahead log",
      }),
    })
    .optional(),
  {
    description: "Begin with another server's data. It counts when the server is made, and never after.",
    allowed: "a map with `destination` and `name`",
    examples: [{ destination: "s3://backups/fleet", name: "shop-postgres-main" }],
    defaultText: "none: an empty server",
  },
);

const quantity = (pattern: RegExp) => z.union([z.number().positive(), z.string().regex(pattern)]);

export const cloudnativepgServerSchema = z.strictObject({
  kind: documented(z.literal("cloudnativepg"), {
    description: "Platform kubernetes only. A PostgreSQL cluster that the CloudNativePG operator runs.",
    allowed: "managed, external or cloudnativepg",
    examples: ["cloudnativepg"],
  }),
  instances: documented(z.int().min(1).max(9).default(3), {
    description: "A primary and its standbys, each on a node of its own where there are enough.",
    allowed: "a whole number from 1 to 9",
    examples: [1],
  }),
  version: documented(z.int().min(14).max(newestPostgres).default(newestPostgres), {
    description:
      "PostgreSQL's major version. Not newer than the `pg_dump` in NocoBase's images, which could not dump it.",
    allowed: `14 or ${newestPostgres}`,
    examples: [newestPostgres],
  }),
  image: documented(z.string().regex(image).optional(), {
    description: "Image of PostgreSQL for CloudNativePG; its tag begins with `version`.",
    allowed: "an image's name with a tag or a digest",
    examples: ["registry.example.com/cloudnative-pg/postgresql:15.14"],
    defaultText: "`ghcr.io/cloudnative-pg/postgresql:<version>`",
  }),
  storage: documented(
    z
      .strictObject({
        size: documented(z.string().regex(storageSize).default("20Gi"), {
          description:
            "Size of each instance's volume. It may grow where the storage class allows that, and never shrinks.",
          allowed: "a quantity in Mi, Gi or Ti",
          examples: ["100Gi"],
        }),
        class: name("Storage class. Choose it before the first `up`.", "fast", "the cluster's default class"),
      })
      .prefault({}),
    { description: "Volume of each instance.", allowed: "a map", examples: [{ size: "100Gi" }] },
  ),
  resources: documented(
    z
      .strictObject({
        memory: documented(z.string().regex(memoryPattern).optional(), {
          description: "Memory of each instance: reserved, and the most it gets.",
          allowed: memoryAllowed,
          examples: ["2Gi"],
          defaultText: "no limit",
        }),
        cpu: documented(quantity(cpuPattern).optional(), {
          description: "Processor time that is reserved for each instance, in cores.",
          allowed: cpuAllowed,
          examples: [1],
          defaultText: "none",
        }),
      })
      .prefault({}),
    { description: "What each instance gets.", allowed: "a map", examples: [{ memory: "2Gi", cpu: 1 }] },
  ),
  maxConnections: documented(z.int().min(20).max(10000).default(300), {
    description: "PostgreSQL's max_connections. A change restarts the instances one after the other.",
    allowed: "a whole number from 20 to 10000",
    examples: [500],
  }),
  context: context("Cluster of this server.", "`kubernetes.context`"),
  operatorNamespace: documented(z.string().regex(objectName).default("cnpg-system"), {
    description: "Namespace of the operator, which the server's network policies let in.",
    allowed: "the name of a namespace",
    examples: ["postgres-operator"],
  }),
  backups,
  recovery,
});
