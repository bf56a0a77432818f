import type { Call, Session } from "./session";

interface Attachment {
  id: number;
  title: string;
  filename: string;
  mimetype: string;
  path: string | null;
  url: string;
}

interface SystemSettings {
  id: number;
  logo: Attachment | null;
}

/**
 * Brings NocoBase's own logo into the application's upload folder. The install stores it before that folder is set,
 * beside the logos of all other applications on the host, so it would stay behind when the application moves.
 * NocoBase lets nobody delete attachments, so the old copy stays.
 * @returns true where it was brought over; false where there is none, or somebody set another
 */
export async function adoptLogo(application: Session, folder: string, call: Call = {}): Promise<boolean> {
  const query = { appends: "logo" };
  const settings = await application.call<{ data: SystemSettings }>("GET", "systemSettings:get", {
    ...call,
    query,
  });
  const { id, logo } = settings.data;
  if (!logo || logo.path === folder || logo.title !== "nocobase-logo") return false;
  const content = await application.download(logo.url, call);
  if (!content) return false;
  const uploaded = await application.upload<{ data: Attachment }>(
    "attachments:create",
    { name: logo.filename.replace(/-\w+(\.\w+)$/, "$1"), type: logo.mimetype, content },
    call,
  );
  await application.call("POST", "systemSettings:update", {
    ...call,
    query: { filterByTk: String(id) },
    body: { logo: uploaded.data },
  });
  return true;
}
