import { baseUrl } from "../client";

/** The resource's id and url: the application's address inside its host, e.g. `http://127.0.0.1:21034/apps/crm/`. */
export function idOf(hostUrl: string, name: string): string {
  return `${baseUrl(hostUrl)}/apps/${name}/`;
}

/** @throws {Error} where an id isn't such an address */
export function parseId(id: string): { url: string; name: string } {
  const match = /^(https?:\/\/[^/?#\s@]+)\/apps\/([^/]+)\/?$/.exec(id);
  const [, url, name] = match ?? [];
  if (!url || !name) {
    throw new Error(
      `${JSON.stringify(id)} is not the id of an application: give its address inside the hosting instance, e.g. http://127.0.0.1:21034/apps/crm/`,
    );
  }
  return { url, name };
}
