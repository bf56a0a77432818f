/** Hundreds of tenants in a minute: one is brought up, the others' stacks are copies of its own under other names. */
import * as fs from "node:fs";
import * as path from "node:path";
import { instanceName, tenantAppName } from "../../plan/names";
import { derivedPort } from "../../plan/ports";

/** Apps of each tenant: two shared ones and a dedicated one. */
export const tenantValues = {
  platformStack: "platform",
  deletion: "delete",
  apps: { crm: { environment: "blue" }, hr: { environment: "green" }, erp: { isolation: "dedicated" } },
} as const;

/** Values of the platform that they stand on. */
export const platformValues = { environments: { blue: {}, green: {} }, deletion: "delete" } as const;

/** `tenant-007` */
export function tenantName(index: number): string {
  return `tenant-${String(index).padStart(3, "0")}`;
}

/**
 * Stack file and state of a further tenant. What the engine would find there had it made the stack itself: names and
 * ports follow from the stack's name, and a preview of the copy finds nothing to change.
 *
 * @param folder the project's, with its file backend
 */
export function copyTenant(folder: string, from: string, to: string): void {
  const port = (stack: string) =>
    String(derivedPort(stack, instanceName("app", tenantAppName(stack, "erp"))));
  const renamed = (text: string) =>
    text
      .replaceAll(from, to)
      .replaceAll(from.replaceAll("-", "_"), to.replaceAll("-", "_"))
      .replace(new RegExp(`(?<=:\\s*)${port(from)}\\b`, "g"), port(to));
  for (const [source, target] of [stackFile(folder, from), stateFile(folder, from)].map((file) => [
    file,
    path.join(path.dirname(file), path.basename(file).replace(from, to)),
  ])) {
    fs.writeFileSync(target!, renamed(fs.readFileSync(source!, "utf8")), { mode: 0o600 });
  }
}

function stackFile(folder: string, stack: string): string {
  return path.join(folder, `Pulumi.${stack}.yaml`);
}

/** Where the file backend keeps a stack's state. */
export function stateFile(folder: string, stack: string): string {
  return path.join(folder, ".pulumi-state/.pulumi/stacks/nocobase-fleet", `${stack}.json`);
}
