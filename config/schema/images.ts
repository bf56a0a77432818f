/** Names of images for the docker platform, and registries that ask who pulls them. */
import { z } from "zod";
import { documented, hostName, serverPort } from "./fields";

/** A name as `docker pull` takes it, with a tag or digest; `{version}` stands for NocoBase's. */
const reference =
  /^[a-z0-9][a-z0-9._-]*(?::[0-9]+)?(?:\/[a-z0-9][a-z0-9._-]*)*(?::(?:[A-Za-z0-9_]|\{version\})(?:[A-Za-z0-9_.-]|\{version\}){0,127})?(?:@sha256:[0-9a-f]{64})?$/;

const image = (description: string, example: string) =>
  documented(
    z
      .string()
      .regex(reference)
      .refine((name) => name.includes("@") || /:[^/]+$/.test(name))
      .optional(),
    {
      description,
      allowed: "an image's name with a tag, a digest or both",
      examples: [example],
      defaultText: "that of `images`",
    },
  );

export const imageNamesSchema = z.strictObject({
  nocobase: image(
    "NocoBase, laid out as that of `images`; `{version}` stands for the release.",
    "registry.example.com/nocobase:{version}",
  ),
  node: image("Node 20 or later: runs the gateway's router.", "registry.example.com/node:22"),
  postgres: image("PostgreSQL.", "registry.example.com/postgres:15.18"),
  proxy: image("Caddy 2.6 or later.", "registry.example.com/caddy:2.10.2"),
  redis: image("Redis 7 or later, for `supervisor: official`.", "registry.example.com/redis:8.2.1"),
});

const registryAddressAllowed = "a registry's host name or IP address, with a port if it has one of its own";

export const registrySchema = z.strictObject({
  address: documented(
    z.string().refine((address) => {
      const [, host = "", port] = /^(.+?)(?::([0-9]{1,5}))?$/.exec(address) ?? [];
      return (
        hostName.safeParse(host).success && (port === undefined || serverPort.safeParse(Number(port)).success)
      );
    }),
    {
      description:
        "The registry as it stands before the first slash of an image's name; `docker.io` for names without one.",
      allowed: registryAddressAllowed,
      examples: ["registry.example.com:5000"],
    },
  ),
  username: documented(
    z
      .string()
      .min(1)
      .max(255)
      .regex(/^[^\u0000-\u001f\u007f:]+$/),
    { description: "Who signs in there.", allowed: "text on one line without a colon", examples: ["fleet"] },
  ),
});
