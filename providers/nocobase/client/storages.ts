import type { Call, Session } from "./session";

interface StorageRow {
  id: number;
  name: string;
  type: string;
  path: string | null;
}

/**
 * Gives the built-in local file storage a folder of its own below `uploads`, so that applications which share
 * a host's storage keep their files apart. A folder someone chose by hand stays; new uploads only are concerned.
 * @returns true where it was set
 */
export async function ensureUploadFolder(
  application: Session,
  folder: string,
  call: Call = {},
): Promise<boolean> {
  const query = { pageSize: "1", filter: JSON.stringify({ name: "local", type: "local" }) };
  const { data } = await application.call<{ data: StorageRow[] }>("GET", "storages:list", { ...call, query });
  const local = data[0];
  if (!local || local.path) return false;
  await application.call("POST", "storages:update", {
    ...call,
    query: { filterByTk: String(local.id) },
    body: { path: folder },
  });
  return true;
}
