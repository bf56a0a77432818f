import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers a request for an app that was stopped on purpose: JSON to programs, a page to people. */
export function answerStopped(request: IncomingMessage, response: ServerResponse, app: string): void {
  const isApi = (request.url ?? "").startsWith("/api/");
  const text = `The application ${app} is stopped. It can be started in the fleet's entry app.`;
  response.writeHead(503, {
    "content-type": isApi ? "application/json" : "text/html; charset=utf-8",
    "cache-control": "no-store",
  });
  response.end(
    isApi
      ? JSON.stringify({ errors: [{ code: "APP_STOPPED", message: text }] })
      : `<!doctype html><html lang="en"><meta charset="utf-8"><title>Stopped</title><h1>Stopped</h1><p>${escapeHtml(text)}</p></html>\n`,
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
