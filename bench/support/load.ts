/** A small load generator, keep-alive throughout. */
import * as http from "node:http";
import { median, percentile } from "./measure";

export interface Target {
  port: number;
  path: string;
  /** Value of the Host header. */
  host: string;
  headers?: Record<string, string>;
  /** JSON to send with POST; GET without. */
  body?: string;
}

export interface Load {
  requestsPerSecond: number;
  /** Median, milliseconds. */
  latencyMs: number;
  /** 95 of 100 are faster, milliseconds. */
  p95Ms: number;
  bytes: number;
}

/** Sends requests over so many connections for so long. @throws Error for any answer but 200 */
export async function load(target: Target, connections: number, durationSeconds: number): Promise<Load> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  let bytes = 0;
  const begin = performance.now();
  const until = begin + durationSeconds * 1000;
  const client = async () => {
    while (performance.now() < until) {
      const sent = performance.now();
      bytes = await request(target, agent);
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  const seconds = (performance.now() - begin) / 1000;
  agent.destroy();
  return {
    requestsPerSecond: latencies.length / seconds,
    latencyMs: median(latencies),
    p95Ms: percentile(latencies, 95),
    bytes,
  };
}

/** @returns length of the answer's body */
function request({ port, path, host, headers, body }: Target, agent: http.Agent): Promise<number> {
  const method = body === undefined ? "GET" : "POST";
  return new Promise((resolve, reject) => {
    http
      .request(
        { host: "127.0.0.1", port, path, agent, method, headers: { host, ...headers } },
        (response) => {
          let length = 0;
          response.on("data", (chunk: Buffer) => (length += chunk.length));
          response.on("error", reject);
          response.on("end", () => {
            if (response.statusCode === 200) resolve(length);
            else reject(new Error(`${host}${path} at port ${port} answered ${response.statusCode}`));
          });
        },
      )
      .on("error", reject)
      .end(body);
  });
}
