/** Routes of tenants' stacks: one file each in a folder of the platform stack, which the gateway adds to its own. */
import { createHash } from "node:crypto";
import * as path from "node:path";
import { z } from "zod";
import { supervisorLayout } from "../supervisor/layout";
import { listFolder, readTextIfExists } from "../support/files";
import type { GatewayRoute } from "./routes";
import { compile, type CompiledTable } from "./compiled";
import { routeSchema, TableError } from "./table";

/** Contents of one file. */
export interface TenantTable {
  /** The tenant's stack; also the file's name. */
  stack: string;
  /** Folder of that stack's data: two projects may have stacks of one name. */
  root: string;
  routes: GatewayRoute[];
}

/** A tenant's file that was checked. */
export interface ReadTenantTable extends TenantTable {
  /** SHA-256 of the file's text, hex. */
  readonly revision: string;
}

const tenantSchema: z.ZodType<TenantTable> = z.strictObject({
  stack: z.string().min(1),
  root: z.string().min(1),
  routes: z.array(routeSchema.refine(({ kind }) => kind === "app", "a tenant's routes are apps")),
});

/** Folder of the tenants' files below the platform stack's root; not the gateway's own, which goes with the gateway. */
export function tenantFolder(platformRoot: string): string {
  return path.join(platformRoot, "tenant-routes");
}

/** A tenant's file. */
export function tenantFile(platformRoot: string, stack: string): string {
  return path.join(tenantFolder(platformRoot), `${encodeURIComponent(stack)}.json`);
}

/**
 * Reads every tenant's file, by name.
 * @param onFault told of a file that can't be used; the others are read all the same
 */
export function readTenantTables(
  folder: string,
  onFault: (file: string, error: Error) => void,
): ReadTenantTable[] {
  return listFolder(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => {
      const file = path.join(folder, name);
      const text = readTextIfExists(file);
      if (text === undefined) return [];
      try {
        return [{ ...tenantSchema.parse(JSON.parse(text)), revision: revisionOf(text) }];
      } catch (error) {
        onFault(
          file,
          error instanceof z.ZodError ? new TableError(z.prettifyError(error)) : (error as Error),
        );
        return [];
      }
    });
}

/** A tenant's table from the text of its file; undefined where it can't be used. */
export function readTenantTable(text: string): TenantTable | undefined {
  try {
    return tenantSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** SHA-256 of a file's text, hex. */
export function revisionOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Who has which routes. */
export interface RouteOwner {
  /** As a person calls it: `stack acme`, `the platform`. */
  name: string;
  routes: readonly Pick<GatewayRoute, "key" | "kind" | "hosts">[];
}

/** What of `mine` somebody else has already; one sentence each that names both. */
export function routeClashes(mine: RouteOwner, others: readonly RouteOwner[]): string[] {
  const hosts = new Map<string, string>();
  const apps = new Map<string, string>();
  for (const owner of others) {
    for (const { key, kind, hosts: names } of owner.routes) {
      const what = kind === "entry" ? `the entry app of ${owner.name}` : `${kind} ${key} of ${owner.name}`;
      if (kind === "app") apps.set(key, what);
      for (const host of names) hosts.set(host, what);
    }
  }
  return mine.routes.flatMap(({ key, kind, hosts: names }) => {
    const what = kind === "entry" ? `the entry app of ${mine.name}` : `${kind} ${key} of ${mine.name}`;
    const samePath = kind === "app" ? apps.get(key) : undefined;
    return [
      ...(samePath === undefined ? [] : [`${what} would answer at /apps/${key}/, where ${samePath} answers`]),
      ...names.flatMap((host) => {
        const holder = hosts.get(host);
        return holder === undefined ? [] : [`${what} would answer at ${host}, where ${holder} answers`];
      }),
    ];
  });
}

/**
 * The gateway's table with the tenants' routes in it. Writers refuse clashes; where one is there all the same, the
 * route that would take another's host or path is left out and told to `onClash`.
 */
export function withTenants(
  own: CompiledTable,
  tenants: readonly ReadTenantTable[],
  onClash: (clash: string) => void,
): CompiledTable {
  const owners: RouteOwner[] = [{ name: "the platform", routes: own.table.routes }];
  const routes = [...own.table.routes];
  for (const { stack, root, routes: theirs } of tenants) {
    // A dedicated app's processes are told of by its own stack's supervisor.
    const { endpoints } = supervisorLayout(root);
    const placed = theirs.map((route) => (route.isolation === "dedicated" ? { ...route, endpoints } : route));
    const taken = placed.filter((route) => {
      const clashes = routeClashes({ name: `stack ${stack}`, routes: [route] }, owners);
      clashes.forEach(onClash);
      return clashes.length === 0;
    });
    routes.push(...taken);
    owners.push({ name: `stack ${stack}`, routes: taken });
  }
  const revisions = new Map(tenants.map(({ stack, revision }) => [stack, revision]));
  return { ...compile({ ...own.table, routes }, own.revision), tenantRevisions: revisions };
}
