/** Names of images for the docker platform. */
import { z } from "zod";
import { documented } from "./fields";

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
      allowed: "an image's name with a tag or a digest",
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
});
