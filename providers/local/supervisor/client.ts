/** Access to a root's supervisor, for the provider and for the `fleet` command. */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROJECT_DIR } from "../../../toolchain/locations";
import { hasCode, tailOf, withSocketAddress } from "../support/files";
import { isAlive, residentMiB } from "../support/processes";
import { cleanEnvironment } from "./child";
import { SUPERVISOR_VERSION, type SupervisorInfo, type UnitDefinition, type UnitStatus } from "./protocol";
import { UnitStore } from "./store";

const DAEMON = path.join(PROJECT_DIR, "providers", "local", "supervisor", "main.cjs");
const DAEMON_START_LIMIT_MS = 20_000;

/** The daemon is not there (any more). */
export class SupervisorAbsent extends Error {}

/** Typed requests to a running daemon. Each throws {@link SupervisorAbsent} where there is none, an Error with the daemon's words where it refuses. */
export class SupervisorClient {
  constructor(readonly root: string) {}

  info(): Promise<SupervisorInfo> {
    return this.request<SupervisorInfo>("GET", "/info");
  }

  /** Low orders first. */
  listUnits(): Promise<UnitStatus[]> {
    return this.request<UnitStatus[]>("GET", "/units");
  }

  /** One unit, or undefined where none has this name. */
  async unit(name: string): Promise<UnitStatus | undefined> {
    return (await this.listUnits()).find((unit) => unit.definition.name === name);
  }

  /** Adds or replaces a unit and brings its process in line; lifts an operator's stop. Does not wait for health. */
  put(definition: UnitDefinition): Promise<UnitStatus> {
    return this.request<UnitStatus>("PUT", unitPath(definition.name), definition);
  }

  start(name: string): Promise<UnitStatus> {
    return this.request<UnitStatus>("POST", `${unitPath(name)}/start`);
  }

  /** Returns when the process has ended. `hold`: it stays down until started by hand or by `up`. */
  stop(name: string, options: { hold: boolean }): Promise<UnitStatus> {
    return this.request<UnitStatus>("POST", `${unitPath(name)}/stop`, options);
  }

  restart(name: string): Promise<UnitStatus> {
    return this.request<UnitStatus>("POST", `${unitPath(name)}/restart`);
  }

  /** Stops and forgets a unit; an unknown one is fine. The daemon ends by itself after the last. */
  async remove(name: string): Promise<void> {
    await this.request("DELETE", unitPath(name));
  }

  /** Starts all that is declared running, in order; returns when they answer (or after a minute per step). */
  startAll(): Promise<UnitStatus[]> {
    return this.request<UnitStatus[]>("POST", "/start-all");
  }

  /** Stops all, the reverse of the start order. */
  stopAll(options: { hold: boolean }): Promise<UnitStatus[]> {
    return this.request<UnitStatus[]>("POST", "/stop-all", options);
  }

  /** Ends the daemon. Without `stopUnits` the processes live on and the next daemon adopts them. */
  async shutdown(options: { stopUnits: boolean }): Promise<void> {
    await this.request("POST", "/shutdown", options);
  }

  private request<T>(method: string, url: string, body?: unknown): Promise<T> {
    const { socket } = new UnitStore(this.root).layout;
    if (!fs.existsSync(socket))
      return Promise.reject(new SupervisorAbsent(`no supervisor runs for ${this.root}`));
    return withSocketAddress(
      socket,
      (socketPath) =>
        new Promise<T>((resolve, reject) => {
          const request = http.request({ socketPath, method, path: url, agent: false }, (response) => {
            let text = "";
            response.setEncoding("utf8");
            response.on("data", (chunk: string) => (text += chunk));
            response.on("error", reject);
            response.on("end", () => {
              const answer = (text === "" ? {} : JSON.parse(text)) as { error?: string };
              if (response.statusCode === 200) resolve(answer as T);
              else reject(new Error(`supervisor: ${answer.error ?? `HTTP ${response.statusCode ?? 0}`}`));
            });
          });
          request.on("error", (error) => {
            const absent = ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"].some((code) =>
              hasCode(error, code),
            );
            reject(absent ? new SupervisorAbsent(`no supervisor answers for ${this.root}`) : error);
          });
          request.end(body === undefined ? undefined : JSON.stringify(body));
        }),
    );
  }
}

function unitPath(name: string): string {
  return `/units/${encodeURIComponent(name)}`;
}

/** A client of the running daemon, or undefined where none runs. Starts nothing. */
export async function connectSupervisor(root: string): Promise<SupervisorClient | undefined> {
  const client = new SupervisorClient(root);
  try {
    await client.info();
    return client;
  } catch (error) {
    if (error instanceof SupervisorAbsent) return undefined;
    throw error;
  }
}

/** A client of the root's daemon, which is started where it is not there and replaced where it is of another version. */
export async function ensureSupervisor(root: string): Promise<SupervisorClient> {
  const client = new SupervisorClient(root);
  const limit = Date.now() + DAEMON_START_LIMIT_MS;
  let startedAt = 0;
  for (;;) {
    try {
      const info = await client.info();
      if (info.version === SUPERVISOR_VERSION) return client;
      await client.shutdown({ stopUnits: false });
    } catch (error) {
      if (!(error instanceof SupervisorAbsent)) throw error;
    }
    if (Date.now() > limit) {
      const { daemonLog } = new UnitStore(root).layout;
      const last = tailOf(daemonLog, 3).join("\n");
      throw new Error(
        `The supervisor for ${root} did not start within ${DAEMON_START_LIMIT_MS / 1000} s. Its log, ${daemonLog}, ends with:\n${last}`,
      );
    }
    // A daemon that was just ending may have held the lock: try again after a while.
    if (Date.now() - startedAt > 5000) {
      startDaemon(root);
      startedAt = Date.now();
    }
    await sleep(100);
  }
}

function startDaemon(root: string): void {
  const store = new UnitStore(root);
  store.prepare();
  const log = fs.openSync(store.layout.daemonLog, "a", 0o600);
  try {
    const daemon = spawn(process.execPath, [DAEMON, root], {
      cwd: root,
      env: cleanEnvironment(),
      detached: true,
      stdio: ["ignore", log, log],
    });
    daemon.on("error", () => undefined);
    daemon.unref();
  } finally {
    fs.closeSync(log);
  }
}

/** Runs a request against the root's daemon, starting it where needed; once more where it was just ending. */
export async function withSupervisor<T>(
  root: string,
  use: (client: SupervisorClient) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await use(await ensureSupervisor(root));
    } catch (error) {
      if (!(error instanceof SupervisorAbsent) || attempt === 3) throw error;
    }
  }
}

/** Live state of all units whether or not the daemon runs; changes nothing, takes milliseconds. */
export async function observeUnits(root: string): Promise<UnitStatus[]> {
  try {
    return await new SupervisorClient(root).listUnits();
  } catch (error) {
    if (!(error instanceof SupervisorAbsent)) throw error;
  }
  const store = new UnitStore(root);
  return store.load().map((definition) => {
    const state = store.loadState(definition.name);
    const pid = isAlive(state.process) ? state.process?.pid : undefined;
    return {
      definition,
      state: pid === undefined ? { ...state, phase: "stopped", process: undefined } : state,
      pid,
      rssMiB: pid === undefined ? undefined : residentMiB(pid),
      logFile: store.layout.logFile(definition.name),
      supervised: false,
    };
  });
}

/** True where a unit is as the stack declares it: running under a daemon, or stopped. */
export function isAsDeclared(unit: UnitStatus | undefined, desired: "running" | "stopped"): boolean {
  if (!unit) return false;
  if (desired === "stopped") return unit.pid === undefined;
  return unit.supervised && !unit.definition.held && unit.state.phase === "running";
}

/**
 * Waits until a unit is healthy. `onProgress` is called about once a second. Throws with the unit's last words when it
 * is not healthy within `timeoutMs`, or has crashed `maxRestarts` times on the way.
 */
export async function waitUntilHealthy(
  root: string,
  name: string,
  options: {
    timeoutMs: number;
    maxRestarts?: number;
    signal?: AbortSignal;
    onProgress?: (unit: UnitStatus, seconds: number) => void;
  },
): Promise<UnitStatus> {
  const started = Date.now();
  let toldAt = started;
  for (;;) {
    options.signal?.throwIfAborted();
    const unit = await withSupervisor(root, (client) => client.unit(name));
    if (!unit) throw new Error(`${name} was removed while it was starting`);
    if (unit.state.phase === "running") return unit;
    const elapsed = Date.now() - started;
    const crashed = unit.state.restarts > (options.maxRestarts ?? 1);
    if (crashed || elapsed > options.timeoutMs || unit.definition.held) {
      const why = crashed
        ? `failed ${unit.state.restarts} times`
        : `is not healthy after ${Math.round(elapsed / 1000)} s`;
      const lines = [`${name} ${why}`, unit.state.lastError, `Log: ${unit.logFile}`];
      throw new Error(lines.filter((line) => line !== undefined).join("\n"));
    }
    if (Date.now() - toldAt >= 1000) {
      toldAt = Date.now();
      options.onProgress?.(unit, Math.round(elapsed / 1000));
    }
    await sleep(150, undefined, { signal: options.signal });
  }
}
