/** Ways to instances that this machine can't reach at their address, e.g. inside a cluster. */

const routes = new Map<string, () => Promise<string>>();

/** From now on requests to `url` go to the address that `open` gives, which is asked each time. */
export function addRoute(url: string, open: () => Promise<string>): void {
  routes.set(url, open);
}

/** Where requests to `url`, without a slash at its end, go. */
export async function routeTo(url: string): Promise<string> {
  const open = routes.get(url);
  return open ? await open() : url;
}
