/** What a tenant's program reads of its platform: the output `forTenants` of the platform's stack. */
import * as pulumi from "@pulumi/pulumi";
import type { PlatformExport } from "../components/platform-export";
import { platformExport } from "./platform-export";

/** Name of the output. */
export const tenantOutput = "forTenants";

/**
 * Reads the platform stack through a StackReference.
 *
 * @param platformStack a stack of this project, or organization/project/stack
 * @throws RunError where that stack was never brought up, or by another version of this program
 */
export async function readPlatformStack(platformStack: string): Promise<PlatformExport> {
  const name = platformStack.includes("/")
    ? platformStack
    : `${pulumi.getOrganization()}/${pulumi.getProject()}/${platformStack}`;
  const reference = new pulumi.StackReference(platformStack, { name });
  const details: { value?: unknown; secretValue?: unknown } = await reference.getOutputDetails(tenantOutput);
  return platformExport(
    details.secretValue ?? details.value,
    platformStack,
    (text) => new pulumi.RunError(text),
  );
}
