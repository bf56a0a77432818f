/** What people's requests reach first. */
export interface Front {
  readonly port: number;
  readonly domain: string;
  readonly tls?: { readonly port: number };
}

/** Address that people open, without a trailing slash; a scheme's own port goes without saying. */
export function publicUrl({ port, domain, tls }: Front, host = domain): string {
  const [scheme, own, used] = tls ? ["https", 443, tls.port] : ["http", 80, port];
  return `${scheme}://${host}${used === own ? "" : `:${used}`}`;
}

/** Address of one of the hosts behind a front, by the front's own address. */
export function siblingUrl(front: string, host: string): string {
  const url = new URL(front);
  url.hostname = host;
  return url.origin;
}
