import type { PlatformExport } from "../components/platform-export";

/**
 * Checks the output `forTenants` of a platform stack.
 *
 * @param fail makes the error to throw
 */
export function platformExport(
  value: unknown,
  platformStack: string,
  fail: (text: string) => Error,
): PlatformExport {
  const found = value as Partial<PlatformExport> | undefined;
  if (found?.facts === undefined || found.secrets === undefined) {
    throw fail(
      `stack ${platformStack}, which nocobase-fleet:platformStack names, has nothing for tenants: it isn't up, ` +
        `is a tenant's itself, or was brought up by an older release. Run: fleet up --stack ${platformStack}`,
    );
  }
  if (found.facts.version !== 1) {
    throw fail(
      `stack ${platformStack} was brought up by another release of nocobase-fleet; run \`fleet up\` there with this one`,
    );
  }
  return found as PlatformExport;
}
