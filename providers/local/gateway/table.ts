/** Reading and checking the gateway's routes file. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { PLAN_NAME } from "../supervisor/layout";
import { compile, MAIN_APP, type CompiledTable } from "./compiled";
import type { GatewayRoute, RoutingTable } from "./routes";

/** The routes file can't be used; `message` lists every fault, one per line. */
export class TableError extends Error {}

const hostName = z
  .string()
  .regex(
    /^(?!.*\.\.)[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?$/,
    "is not a lower-case host name without a port",
  );

const target = z.string().refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "http:" && url.pathname === "/" && !url.search && !url.username;
}, "is not an address such as http://127.0.0.1:21034");

/** One route of a routes file. */
export const routeSchema: z.ZodType<GatewayRoute> = z
  .strictObject({
    key: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, "is not a key of letters, digits, - and _"),
    kind: z.enum(["entry", "environment", "app"]),
    title: z.string(),
    isolation: z.enum(["shared", "dedicated"]).optional(),
    hosts: z.array(hostName).min(1),
    target,
    targets: z.array(target).min(1).optional(),
    instance: z.string().regex(PLAN_NAME, "is not an instance's name").optional(),
    state: z.enum(["running", "stopped"]),
  })
  .refine((route) => route.kind !== "app" || route.isolation !== undefined, {
    path: ["isolation"],
    message: "is missing: an app is shared or dedicated",
  });

const tableSchema: z.ZodType<RoutingTable> = z
  .strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65535),
    domain: hostName,
    uploadLimitMiB: z.number().positive(),
    behindProxy: z.boolean().optional(),
    routes: z.array(routeSchema),
  })
  .superRefine((table, context) => {
    const apps = new Set<string>();
    const hosts = new Map<string, string>();
    table.routes.forEach((route, index) => {
      const fault = (field: string, message: string): void =>
        context.addIssue({ code: "custom", path: ["routes", index, field], message });
      if (route.kind === "app") {
        if (apps.has(route.key)) fault("key", `"${route.key}" is used by two apps`);
        if (route.key === MAIN_APP) fault("key", `"${MAIN_APP}" is NocoBase's own name`);
        apps.add(route.key);
      }
      for (const host of route.hosts) {
        const owner = hosts.get(host);
        if (owner !== undefined) fault("hosts", `"${host}" belongs to "${owner}" already`);
        if (host === table.domain && route.kind !== "entry") fault("hosts", `"${host}" is the entry app's`);
        hosts.set(host, route.key);
      }
    });
    if (table.routes.filter((route) => route.kind === "entry").length > 1) {
      context.addIssue({ code: "custom", path: ["routes"], message: "hold two entry apps" });
    }
  });

/**
 * Reads the text of a routes file.
 * @throws {TableError} when it isn't JSON, or breaks the schema, or two routes share a key or host.
 */
export function readTable(text: string): CompiledTable {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new TableError(`not JSON: ${(error as Error).message}`);
  }
  const parsed = tableSchema.safeParse(data);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".") || "file"}: ${issue.message}`);
    throw new TableError(faults.join("\n"));
  }
  return compile(parsed.data, createHash("sha256").update(text).digest("hex"));
}
