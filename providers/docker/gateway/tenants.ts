import { readTenantTable, type TenantTable } from "../../local/gateway/tenants";
import type { Daemon } from "../../../toolchain/plugins/docker/daemon";
import { readGatewayFolder, TENANTS_FOLDER } from "./folder";

/** Routes of tenants' stacks in a gateway; none where it isn't there. Those that left have a file without routes. */
export async function tenantTables(daemon: Daemon, container: string): Promise<TenantTable[]> {
  const texts = (await readGatewayFolder(daemon, container).catch(() => undefined)) ?? {};
  return Object.entries(texts)
    .filter(([name]) => name.startsWith(`${TENANTS_FOLDER}/`))
    .flatMap(([, text]) => readTenantTable(text) ?? [])
    .filter(({ routes }) => routes.length > 0);
}
