import * as http from "node:http";
import * as net from "node:net";
import { messageOf } from "../support/files";
import type { HealthProbe } from "./protocol";

/** `fatal`: never heals without a restart; `heals`: says that it waits for something and goes on by itself. */
export interface ProbeOutcome {
  readonly healthy: boolean;
  readonly detail: string;
  readonly outlook?: "fatal" | "heals";
}

const HEALTHY: ProbeOutcome = { healthy: true, detail: "ok" };
const failed = (detail: string, outlook?: ProbeOutcome["outlook"]): ProbeOutcome => ({
  healthy: false,
  detail,
  ...(outlook && { outlook }),
});

/** Asks once; never throws, never takes longer than `timeoutMs`. */
export async function probe(target: HealthProbe, timeoutMs: number): Promise<ProbeOutcome> {
  try {
    if (target.kind === "http") return await probeHttp(target, timeoutMs);
    if (target.kind === "tcp") return await probeSocket(target, timeoutMs, undefined);
    return await probeSocket(target, timeoutMs, postgresStartup());
  } catch (error) {
    return failed(messageOf(error));
  }
}

function probeHttp(target: Extract<HealthProbe, { kind: "http" }>, timeoutMs: number): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const finish = (outcome: ProbeOutcome): void => {
      clearTimeout(timer);
      resolve(outcome);
      request.destroy();
    };
    const timer = setTimeout(() => finish(failed(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const request = http.get(target.url, { agent: false }, (response) => {
      if (response.statusCode === 200) {
        finish(HEALTHY);
        return;
      }
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (body.length < 4096) body += chunk;
      });
      response.on("error", (error) => finish(failed(error.message)));
      response.on("end", () => {
        const fatal = target.fatalText !== undefined && body.includes(target.fatalText);
        const heals = target.healsHeader !== undefined && response.headers[target.healsHeader] !== undefined;
        const outlook = fatal ? "fatal" : heals ? "heals" : undefined;
        finish(
          failed(`HTTP ${response.statusCode ?? 0}: ${body.replace(/\s+/g, " ").slice(0, 300)}`, outlook),
        );
      });
    });
    request.on("error", (error) => finish(failed(error.message)));
  });
}

/**
 * First bytes of a PostgreSQL conversation (protocol 3.0, StartupMessage). As pg_isready, it needs no valid user: a
 * server that asks for a password or refuses the user is up; one that answers SQLSTATE 57P03 is starting.
 */
function postgresStartup(): Buffer {
  const parameters = Buffer.from("user\0health\0database\0postgres\0\0");
  const head = Buffer.alloc(8);
  head.writeInt32BE(parameters.length + 8, 0);
  head.writeInt32BE(0x00030000, 4);
  return Buffer.concat([head, parameters]);
}

function probeSocket(
  target: { host: string; port: number },
  timeoutMs: number,
  greeting: Buffer | undefined,
): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: target.host, port: target.port });
    const finish = (outcome: ProbeOutcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => finish(failed(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.on("error", (error) => finish(failed(error.message)));
    socket.on("close", () => finish(failed("connection closed")));
    socket.on("connect", () => {
      if (greeting) socket.write(greeting);
      else finish(HEALTHY);
    });
    socket.on("data", (answer) => {
      const starting = answer.includes("C57P03\0");
      finish(starting ? failed("the database system is starting up") : HEALTHY);
    });
  });
}
