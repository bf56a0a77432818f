/**
 * JSON over HTTPS to one API server. Contexts, certificates and sign-in (tokens, exec plugins, OIDC, proxies) are the
 * official client's. Its typed calls aren't used: they drop fields that are newer than the client.
 */
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Props } from "../../../../providers/kit/types";
import { ApiError, Unreachable } from "./errors";

export interface ApiRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path, e.g. `/api/v1/namespaces/blue/pods`. */
  path: string;
  query?: Readonly<Record<string, string | boolean | undefined>>;
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  signal?: AbortSignal;
}

/** Times out above the server's own limit of 60 s for a request. */
const ANSWER_LIMIT_MS = 65_000;
const BUSY = [429, 503, 504];
/** The request did not reach a server. */
const UNSENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"];
/** Trying again may help; not with wrong certificates or a sign-in that fails. */
const AWAY = [...UNSENT, "ECONNRESET", "ETIMEDOUT", "EPIPE"];

/** How long a server that is away or busy is tried again. */
export const AWAY_LIMIT_MS = 60_000;

export class ApiClient {
  private agents = new Map<string, http.Agent>();

  /**
   * @param config with its current context chosen
   * @param patienceMs how long to try again where there is no answer
   */
  constructor(
    private readonly config: KubeConfig,
    private readonly patienceMs = AWAY_LIMIT_MS,
  ) {}

  /** Address of the API server, without a slash at its end. */
  get address(): string {
    return this.config.getCurrentCluster()?.server.replace(/\/$/, "") ?? "";
  }

  /**
   * The answer's JSON. Asks again while the server is away or busy; what comes of that is told by `isRepeated` of the
   * error, since an earlier try may have been carried out.
   * @throws ApiError for an answer that refuses, Unreachable where none came in time
   */
  async request(request: ApiRequest): Promise<Props> {
    const begin = Date.now();
    let isRepeated = false;
    for (let pause = 100; ; pause = Math.min(pause * 2, 2_000)) {
      const outcome = await this.send(request).catch((error: unknown) => failure(error));
      const waited = Date.now() - begin;
      request.signal?.throwIfAborted();
      const mayWait = waited < this.patienceMs;
      if (outcome instanceof Error) {
        const { code = "" } = outcome as NodeJS.ErrnoException;
        if (!mayWait || !AWAY.includes(code)) throw new Unreachable(this.address, outcome, waited);
        isRepeated ||= !UNSENT.includes(code);
      } else if (BUSY.includes(outcome.code) && mayWait) {
        pause = Math.max(pause, outcome.retryAfterMs);
        isRepeated = true;
      } else {
        const body = parsed(outcome.text);
        if (outcome.code >= 200 && outcome.code < 300) return body;
        throw new ApiError(outcome.code, body, this.address, isRepeated);
      }
      await sleep(pause, undefined, { signal: request.signal });
    }
  }

  private async send(request: ApiRequest): Promise<Answer> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) query.set(key, String(value));
    }
    const text = query.toString();
    const url = new URL(this.address + request.path + (text ? `?${text}` : ""));
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options: https.RequestOptions = { method: request.method, headers: { Accept: "application/json" } };
    await this.config.applyToHTTPSOptions(options);
    options.agent = this.agentFor(options);
    const headers = options.headers as http.OutgoingHttpHeaders;
    if (body !== undefined) {
      headers["Content-Type"] = request.contentType ?? "application/json";
      headers["Content-Length"] = Buffer.byteLength(body);
    }
    return await exchange(url, { ...options, signal: request.signal }, body);
  }

  /** One agent for each set of certificates, its connections kept: the official client makes one for each request. */
  private agentFor(options: https.RequestOptions): http.Agent {
    const made = options.agent as http.Agent & { options?: object; keepAlive?: boolean };
    const key = JSON.stringify(
      [options.ca, options.cert, options.key, options.pfx, options.rejectUnauthorized].map(String),
    );
    const kept = this.agents.get(key);
    if (kept) return kept;
    Object.assign(made, { keepAlive: true });
    this.agents.set(key, made);
    return made;
  }
}

interface Answer {
  code: number;
  text: string;
  retryAfterMs: number;
}

function exchange(url: URL, options: https.RequestOptions, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === "http:" ? http : https).request(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const retryAfter = Number(response.headers["retry-after"] ?? 0);
        resolve({
          code: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString("utf8"),
          retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : 0,
        });
      });
    });
    asked.setTimeout(ANSWER_LIMIT_MS, () =>
      asked.destroy(Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" })),
    );
    asked.once("error", reject);
    asked.end(body);
  });
}

function failure(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function parsed(text: string): Props {
  try {
    return JSON.parse(text) as Props;
  } catch {
    // Proxies and load balancers answer in HTML or plain text.
    return { message: text.trim().slice(0, 300) };
  }
}
