/** The gateway's own answers: one HTML page for people, JSON for programs. */
import type { IncomingHttpHeaders } from "node:http";

/** What the gateway has to say in place of an app. */
export interface Notice {
  readonly status: number;
  /** Code for programs, e.g. `APP_STOPPED`. */
  readonly code: string;
  readonly title: string;
  readonly message: string;
  readonly symbol: keyof typeof SYMBOLS;
  /** Seconds until a page looks again, also sent as Retry-After. */
  readonly refreshSeconds?: number;
  /** Seconds of Retry-After for a page that doesn't refresh itself. */
  readonly retryAfterSeconds?: number;
}

/** Strokes of a 24 × 24 drawing. */
const SYMBOLS = {
  pause: "M9 7v10M15 7v10",
  wait: "M12 6v6l4 2",
  search: "M9.5 9.5a2.5 2.5 0 1 1 3.4 2.3c-.6.3-.9.8-.9 1.4v.6M12 17v.01",
  fault: "M12 7v6M12 16.5v.01",
};

const REFRESH_SECONDS = 3;

export const notices = {
  stopped: (title: string): Notice => ({
    status: 503,
    code: "APP_STOPPED",
    title: `${title} is stopped`,
    message: "Its data is kept. Whoever runs this fleet can start it again.",
    symbol: "pause",
    retryAfterSeconds: 60,
  }),
  starting: (title: string): Notice => ({
    status: 503,
    code: "APP_STARTING",
    title: `${title} is starting`,
    message: "This page looks again every few seconds and opens the application once it is ready.",
    symbol: "wait",
    refreshSeconds: REFRESH_SECONDS,
  }),
  unavailable: (title: string): Notice => ({
    status: 503,
    code: "APP_UNAVAILABLE",
    title: `${title} is unavailable`,
    message: "The process that runs it has not been heard of. This page looks again every few seconds.",
    symbol: "wait",
    refreshSeconds: REFRESH_SECONDS,
  }),
  unreachable: (title: string): Notice => ({
    status: 502,
    code: "BAD_GATEWAY",
    title: `${title} did not answer`,
    message: "The connection broke before an answer came. Try again in a moment.",
    symbol: "fault",
  }),
  unknownHost: (): Notice => ({
    status: 404,
    code: "HOST_NOT_FOUND",
    title: "No application at this address",
    message: "Nothing is served under this host name. Check the address for a typing error.",
    symbol: "search",
  }),
  unknownApp: (): Notice => ({
    status: 404,
    code: "APP_NOT_FOUND",
    title: "No such application",
    message: "This address leads to no application. Check it for a typing error.",
    symbol: "search",
  }),
  unknownPage: (): Notice => ({
    status: 404,
    code: "NOT_FOUND",
    title: "Page not found",
    message: "Nothing is served at this address.",
    symbol: "search",
  }),
  invalid: (reason: string): Notice => ({
    status: 400,
    code: "BAD_REQUEST",
    title: "The request can't be read",
    message: `It was refused because ${reason}.`,
    symbol: "fault",
  }),
  tooLarge: (limitMiB: number): Notice => ({
    status: 413,
    code: "PAYLOAD_TOO_LARGE",
    title: "The upload is too large",
    message: `At most ${limitMiB} MiB can be sent at once. Whoever runs this fleet can raise the limit.`,
    symbol: "fault",
  }),
};

export interface Answer {
  readonly headers: Record<string, string | number>;
  readonly body: string;
}

/** True where a person's browser asks for a page, rather than a script for data or parts of one. */
export function wantsPage(method: string | undefined, path: string, headers: IncomingHttpHeaders): boolean {
  const navigation = method === "GET" || method === "HEAD";
  return navigation && !path.startsWith("/api/") && (headers.accept ?? "").includes("text/html");
}

/** Renders a notice with the headers it is safe to show it under. */
export function render(notice: Notice, asPage: boolean): Answer {
  const body = asPage
    ? page(notice)
    : JSON.stringify({ errors: [{ code: notice.code, message: `${notice.title}. ${notice.message}` }] });
  const retryAfter = notice.refreshSeconds ?? notice.retryAfterSeconds;
  return {
    body,
    headers: {
      "Content-Type": `${asPage ? "text/html" : "application/json"}; charset=utf-8`,
      "Content-Length": Buffer.byteLength(body),
      "Cache-Control": "no-store",
      "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      "X-Content-Type-Options": "nosniff",
      "X-Frame-Options": "DENY",
      "Referrer-Policy": "no-referrer",
      ...(retryAfter === undefined ? {} : { "Retry-After": retryAfter }),
    },
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const STYLE = `
:root{color-scheme:light dark;--back:#f4f6fa;--card:#fff;--line:#e2e7f0;--text:#172033;--soft:#55617a;--mark:#2557d6}
@media (prefers-color-scheme:dark){:root{--back:#0e131d;--card:#171e2c;--line:#2a3448;--text:#eef2fa;--soft:#a9b4ca;--mark:#8fb0ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--back);color:var(--text);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:30rem;padding:2.75rem 2.5rem;background:var(--card);border:1px solid var(--line);border-radius:1.125rem;text-align:center;box-shadow:0 1px 2px rgb(0 0 0/.05),0 1.25rem 3rem -1.5rem rgb(0 0 0/.25)}
svg{width:3.5rem;height:3.5rem;color:var(--mark)}
h1{margin:1.25rem 0 .5rem;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;overflow-wrap:anywhere}
p{margin:0;color:var(--soft);text-wrap:balance}
small{display:block;margin-top:1.75rem;color:var(--soft);font-size:.8125rem}
.wait circle{stroke-dasharray:47 16;transform-origin:center;animation:turn 1.6s linear infinite}
@keyframes turn{to{transform:rotate(1turn)}}
@media (prefers-reduced-motion:reduce){.wait circle{animation:none;stroke-dasharray:none}}`;

function page(notice: Notice): string {
  const refresh =
    notice.refreshSeconds === undefined
      ? ""
      : `<meta http-equiv="refresh" content="${notice.refreshSeconds}">`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">${refresh}
<title>${escapeHtml(notice.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main class="${notice.symbol}">
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="${SYMBOLS[notice.symbol]}"/></svg>
<h1>${escapeHtml(notice.title)}</h1>
<p>${escapeHtml(notice.message)}</p>
<small>${notice.status} &middot; ${notice.code}</small>
</main>
</body>
</html>
`;
}
