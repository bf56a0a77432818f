import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatusRow } from "../../../cli/status/rows";
import { App } from "./app";
import type { Project } from "./project";

/** What the shared scenarios need of a platform, past the `fleet` command. */
export interface PlatformHarness {
  readonly project: Project;
  /** Identity of each process or container by part name: changes exactly when it was started anew. */
  identities(): Promise<Record<string, string>>;
  /** What `up` says that it did when a dedicated app got more replicas, or fewer. */
  scaling(app: string, from: number, to: number): string[];
  /** Kills a part the hard way, without the platform's knowledge. */
  kill(part: string): Promise<void>;
  /** Kills everything of the fleet at once, as a power cut would. */
  powerCut(): Promise<void>;
  /** Runs SQL as an app's own role on a database; rejects where PostgreSQL refuses. */
  query(app: string, database: string, sql: string): Promise<Record<string, unknown>[]>;
  /** Names of the databases on the fleet's server, without PostgreSQL's own. */
  databases(): Promise<string[]>;
  /** Every secret value in the stack's state, in the clear. */
  secrets(): Promise<string[]>;
  /** Files that could leak a secret: logs, unit files, world-readable files, process arguments, as text by name. */
  exposedTexts(): Promise<Record<string, string>>;
  /** Restores a backup folder into an empty database and counts its tables. */
  restore(backupFolder: string): Promise<number>;
  /** What is left of the fleet: processes, containers, folders. Empty after `destroy`, backups aside. */
  leftovers(): Promise<string[]>;
}

/** Live rows of `fleet status` by name. */
export async function statusOf(project: Project): Promise<Record<string, StatusRow>> {
  const run = await project.fleet("status", "--json");
  assert.ok(run.code === 0 || run.code === 1, run.output);
  const { parts } = JSON.parse(run.stdout) as { parts: StatusRow[] };
  return Object.fromEntries(parts.map((row) => [row.name, row]));
}

/** An app, environment or `entry` as its root user reaches it through the gateway. */
export async function openApp(project: Project, name: string): Promise<App> {
  const run = await project.succeed("credentials", name, "--json");
  const signIn = (JSON.parse(run.stdout) as Record<string, { url: string; email: string; password: string }>)[
    name
  ];
  assert.ok(signIn);
  return new App(signIn.url, signIn.email, signIn.password);
}

/** Polls until `look` is true. @throws AssertionError after `seconds` */
export async function eventually(what: string, seconds: number, look: () => Promise<boolean>): Promise<void> {
  const limit = Date.now() + seconds * 1000;
  while (!(await look().catch(() => false))) {
    assert.ok(Date.now() < limit, `${what}: not within ${seconds} s`);
    await sleep(500);
  }
}
