/** Plain HTTP to one NocoBase: addresses, time limits, and its errors in its own words. */
import { routeTo } from "./routes";

/** NocoBase answered, and refused. */
export class NocoBaseError extends Error {
  constructor(
    message: string,
    /** HTTP status. */
    readonly status: number,
    /** NocoBase's own code, e.g. `APP_COMMANDING`, `INVALID_TOKEN`; empty where it gave none. */
    readonly code: string,
  ) {
    super(message);
  }

  /** True while the process or the application is starting, stopping or reloading: worth another try. */
  get passing(): boolean {
    return this.status === 503 && /^APP_(COMMANDING|INITIALI|PREPARING|STARTING)/.test(this.code);
  }
}

/** No answer: nothing listens there, the connection broke, or the time limit passed. */
export class Unreachable extends Error {
  constructor(
    readonly url: string,
    reason: string,
    /** True where the request may have been acted upon. */
    readonly uncertain: boolean,
  ) {
    super(`NocoBase at ${url} can't be reached: ${reason}`);
  }
}

export interface Request {
  method?: "GET" | "POST";
  query?: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  /** A form, or what is sent as JSON. */
  body?: unknown;
  /** Take a successful answer as it is. */
  bytes?: boolean;
  /** Milliseconds until the request is given up; 30,000 by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Reply {
  status: number;
  /** Parsed JSON, or the text where it isn't JSON; a Buffer where bytes were asked for. */
  body: unknown;
}

interface ErrorBody {
  errors?: { message?: string; code?: string }[];
  error?: { message?: string; code?: string };
}

/** `http://host:port` without a trailing slash. */
export function baseUrl(url: string): string {
  return url.replace(/\/+$/, "");
}

/**
 * Path of an API action: `applications:list` of the main application, or of the one named, which NocoBase
 * tells apart by `/api/__app/<name>/`.
 */
export function apiPath(action: string, application?: string): string {
  return application ? `/api/__app/${encodeURIComponent(application)}/${action}` : `/api/${action}`;
}

/**
 * One request, whatever its status.
 * @throws {Unreachable} without an answer within the time limit
 */
export async function send(url: string, path: string, request: Request = {}): Promise<Reply> {
  const timeoutMs = request.timeoutMs ?? 30_000;
  const query = request.query ? `?${new URLSearchParams(request.query).toString()}` : "";
  const { body } = request;
  const isJson = body !== undefined && !(body instanceof FormData);
  const signals = [AbortSignal.timeout(timeoutMs), ...(request.signal ? [request.signal] : [])];
  try {
    const response = await fetch((await routeTo(baseUrl(url))) + path + query, {
      method: request.method ?? "GET",
      headers: {
        ...(isJson ? { "Content-Type": "application/json" } : {}),
        ...request.headers,
      },
      body: body instanceof FormData ? body : isJson ? JSON.stringify(body) : undefined,
      signal: AbortSignal.any(signals),
      // Files may lie elsewhere; an API that leads elsewhere is another one than was asked.
      redirect: request.bytes ? "follow" : "error",
    });
    const { status, ok } = response;
    if (request.bytes && ok) return { status, body: Buffer.from(await response.arrayBuffer()) };
    return { status, body: parse(await response.text()) };
  } catch (error) {
    if (request.signal?.aborted) throw new Error("cancelled");
    throw new Unreachable(baseUrl(url), reasonOf(error, timeoutMs), !neverSent(error));
  }
}

/** The error a reply stands for, or undefined for a success. */
export function errorOf(reply: Reply): NocoBaseError | undefined {
  const body = (typeof reply.body === "object" ? reply.body : null) as ErrorBody | null;
  const faults = body?.errors ?? (body?.error ? [body.error] : []);
  if (reply.status < 400 && faults.length === 0) return undefined;
  const text = faults.map((fault) => fault.message ?? "").filter(Boolean);
  return new NocoBaseError(
    text.length > 0 ? text.join("; ") : `HTTP status ${reply.status} without a text`,
    reply.status,
    faults.find((fault) => fault.code)?.code ?? "",
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function causeCode(error: unknown): string {
  const cause =
    error instanceof Error ? (error.cause as { code?: string; message?: string } | undefined) : undefined;
  return cause?.code ?? cause?.message ?? "";
}

function neverSent(error: unknown): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(causeCode(error));
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError")
    return `no answer within ${timeoutMs / 1000} s`;
  const code = causeCode(error);
  if (code === "ECONNREFUSED") return "nothing listens there (connection refused)";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "its host name has no address";
  return code || (error instanceof Error ? error.message : String(error));
}
