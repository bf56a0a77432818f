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

  /**
   * The answer's text as it comes, e.g. of a log that is followed; ends with the answer or the signal.
   * @throws ApiError for an answer that refuses, Unreachable where none came
   */
  async stream(request: ApiRequest, onText: (text: string) => void): Promise<void> {
    const begin = Date.now();
    const isOver = () => request.signal?.aborted === true;
    try {
      const answer = await this.send(request, onText);
      if (answer.code >= 300 && !isOver()) {
        throw new ApiError(answer.code, parsed(answer.text), this.address);
      }
    } catch (error) {
      if (isOver()) return;
      throw error instanceof ApiError
        ? error
        : new Unreachable(this.address, failure(error), Date.now() - begin);
    }
  }

  private async send(request: ApiRequest, onText?: (text: string) => void): Promise<Answer> {
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
    return await exchange(url, { ...options, signal: request.signal }, body, onText);
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

/** @param onText gets the text of an answer that grants, piece by piece; it may take for ever */
function exchange(
  url: URL,
  options: https.RequestOptions,
  body: string | undefined,
  onText?: (text: string) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === "http:" ? http : https).request(url, options, (response) => {
      const { statusCode: code = 0, headers } = response;
      const isStream = onText !== undefined && code < 300;
      if (isStream) asked.setTimeout(0);
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (isStream) onText(chunk);
        else text += chunk;
      });
      response.once("error", reject);
      response.once("end", () => {
        const retryAfter = Number(headers["retry-after"] ?? 0);
        resolve({ code, text, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : 0 });
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
