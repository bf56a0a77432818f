/** The dev stack's fleet, on real NocoBase and PostgreSQL, in a project folder of its own. */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { observeUnits } from "../../providers/local/supervisor/client";
import { App } from "../../test/e2e/support/app";
import { openApp } from "../../test/e2e/support/fleet";
import { LocalHarness } from "../../test/e2e/support/local";
import { Project, type Run, type Values } from "../../test/e2e/support/project";
import { PROJECT_DIR } from "../../toolchain/locations";

const STARTED_LIMIT_SECONDS = 180;
const POLL_MS = 100;

/** What an `up` did. */
export interface UpRun extends Run {
  created: number;
  updated: number;
}

export class RealFleet {
  readonly harness: LocalHarness;
  private readonly project: Project;

  /** The dev stack as it is in this checkout, behind a gateway on this port, and removed without a backup. */
  constructor(readonly port: number) {
    const { config } = parse(fs.readFileSync(path.join(PROJECT_DIR, "Pulumi.dev.yaml"), "utf8")) as {
      config: Values;
    };
    const values = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(/^[^:]*:/, ""), value]),
    );
    this.project = new Project(`bench${process.pid}`, {
      ...values,
      deletion: "delete",
      gateway: { port },
    });
    this.harness = new LocalHarness(this.project);
  }

  edit(change: (values: { environments: Values; apps: Values }) => void): void {
    this.project.edit((values) => change(values as { environments: Values; apps: Values }));
  }

  /** @throws AssertionError with the output where it failed */
  async up(): Promise<UpRun> {
    const run = await this.project.succeed("up");
    const summary = /^(Done: .*|No changes.*)$/m.exec(run.stdout)?.[1] ?? "";
    const count = (kind: string) => Number(new RegExp(`(\\d+) ${kind}\\b`).exec(summary)?.[1] ?? 0);
    return { ...run, created: count("create"), updated: count("update") };
  }

  fleet(...args: string[]): Promise<Run> {
    return this.project.succeed(...args);
  }

  /** Seconds until the app answers 200 through the gateway. @throws Error after three minutes */
  async untilAnswering(key: string): Promise<number> {
    const begin = performance.now();
    const app = new App(`http://${key}.localhost:${this.port}`, "", "");
    for (;;) {
      if ((await app.health().catch(() => 0)) === 200) return (performance.now() - begin) / 1000;
      if (performance.now() - begin > STARTED_LIMIT_SECONDS * 1000) {
        throw new Error(`${key} doesn't answer after ${STARTED_LIMIT_SECONDS} s`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Takes an app to so many replicas; ends when all of them are ready. */
  scale(key: string, replicas: number): Promise<UpRun> {
    this.edit(({ apps }) => ((apps[key] as Values).replicas = replicas));
    return this.up();
  }

  /** Signed in at an app, through the gateway or straight at one of its processes. */
  async open(key: string, url = `http://${key}.localhost:${this.port}`): Promise<App> {
    const { email, password } = await openApp(this.project, key);
    const app = new App(url, email, password);
    await app.signIn();
    return app;
  }

  /** Pid and port of an instance's only, or first, process. @throws Error where it doesn't run */
  async instance(name: string): Promise<{ pid: number; port: number }> {
    const [first] = await this.replicas(name);
    if (!first) throw new Error(`${name} doesn't run`);
    return first;
  }

  /** Pid and port of each process of an instance, in the order of their names. */
  async replicas(name: string): Promise<{ pid: number; port: number }[]> {
    const units = await observeUnits(this.harness.root);
    return units
      .filter(({ definition }) => definition.name === name || definition.service?.name === name)
      .sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1))
      .flatMap(({ pid, definition }) => {
        const probe = definition.health?.probe;
        return pid === undefined || probe?.kind !== "http"
          ? []
          : [{ pid, port: Number(new URL(probe.url).port) }];
      });
  }

  stateBytes(): number {
    const stacks = path.join(this.project.folder, ".pulumi-state/.pulumi/stacks/nocobase-fleet");
    return fs.statSync(path.join(stacks, `${this.project.stack}.json`)).size;
  }

  /** Ends and removes all of it, whatever state it is in. */
  remove(): Promise<void> {
    return this.harness.cleanUp();
  }
}
