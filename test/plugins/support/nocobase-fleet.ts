/** Applications on one real NocoBase, which all test files of a run share: its first start takes 20 s. */
import { readdir, readFile, readlink } from "node:fs/promises";
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { after } from "mocha";
import * as pulumi from "@pulumi/pulumi";
import { applicationHealth, Session, until } from "../../../providers/nocobase/client";
import { Application, type ApplicationArgs } from "../../../providers/nocobase/resources";
import { createProject, type TestProject } from "./engine";
import { TestHost } from "./nocobase";
import { TestPostgres } from "./postgres";

const PROVIDER = resolve(__dirname, "../../../providers/nocobase");

/** What a test says of an application; the rest follows from its name. */
export interface Sketch {
  title: string;
  cname?: string;
  state: "running" | "stopped";
  startMode: "auto" | "lazy";
  databasePassword: string;
  databaseName: string;
  databasePort: number;
  rootPassword: string;
  importId?: string;
}

const cleanups: (() => Promise<void>)[] = [];
let shared: Promise<NocoBaseFleet> | undefined;

// A hook of the whole run: after the last file that shares them.
after(async function () {
  this.timeout(60_000);
  for (const cleanup of cleanups) await cleanup();
});

/** The run's one NocoBase and PostgreSQL, started with the first call; minutes where NocoBase isn't installed yet. */
export function nocobaseFleet(): Promise<NocoBaseFleet> {
  shared ??= (async () => {
    const postgres = await TestPostgres.start();
    cleanups.unshift(() => postgres.stop());
    const host = await TestHost.start(postgres);
    cleanups.unshift(() => host.stop());
    return new NocoBaseFleet(postgres, host);
  })();
  return shared;
}

/** Databases, programs and projects for applications of the shared host. */
export class NocoBaseFleet {
  constructor(
    readonly postgres: TestPostgres,
    readonly host: TestHost,
  ) {}

  /** A role and a database of its own for an application. */
  async database(name: string): Promise<void> {
    await this.postgres.sql(`CREATE ROLE ${name} LOGIN PASSWORD 'database password of ${name}'`);
    await this.postgres.sql(`CREATE DATABASE db_${name} OWNER ${name}`);
    await this.postgres.sql(`REVOKE CONNECT ON DATABASE db_${name} FROM PUBLIC`);
  }

  /** A Pulumi program with these applications. */
  program(apps: Record<string, Partial<Sketch>>): () => Promise<void> {
    return () => {
      for (const [name, sketch] of Object.entries(apps)) {
        new Application(name, this.args(name, sketch), sketch.importId ? { import: sketch.importId } : {});
      }
      return Promise.resolve();
    };
  }

  async project(apps: Record<string, Partial<Sketch>>): Promise<TestProject> {
    const project = await createProject({ program: this.program(apps), providers: { nocobase: PROVIDER } });
    cleanups.unshift(() => project.dispose());
    return project;
  }

  /** Signed in as an application's own root user. */
  root(name: string, password = `root password of ${name}`): Session {
    return new Session({ url: this.host.url, account: `root@${name}.test`, password }, name);
  }

  async answers(name: string): Promise<boolean> {
    return (await applicationHealth(this.host.session(), name)).ok;
  }

  /** Waits until the host lists an application in a state. */
  async reaches(name: string, good: (state: string | undefined) => boolean): Promise<void> {
    const look = async () => (good((await this.host.states())[name]) ? true : undefined);
    assert.ok(await until(look, { everyMs: 50, limitMs: 60_000 }), `${name} never got there`);
  }

  private args(name: string, sketch: Partial<Sketch>): ApplicationArgs {
    const { host, postgres } = this;
    return {
      host: {
        url: host.url,
        account: host.account,
        password: pulumi.secret(host.password),
        encryptionKey: pulumi.secret(host.encryptionKey),
      },
      name,
      title: sketch.title ?? `Title of ${name}`,
      cname: "cname" in sketch ? sketch.cname : `${name}.localhost`,
      startMode: sketch.startMode ?? "auto",
      state: sketch.state ?? "running",
      database: {
        host: "127.0.0.1",
        port: sketch.databasePort ?? postgres.port,
        name: sketch.databaseName ?? `db_${name}`,
        user: name,
        password: pulumi.secret(sketch.databasePassword ?? `database password of ${name}`),
      },
      jwtSecret: pulumi.secret(`jwt secret of ${name}, long enough`),
      rootEmail: `root@${name}.test`,
      rootNickname: `Root of ${name}`,
      rootPassword: pulumi.secret(sketch.rootPassword ?? `root password of ${name}`),
    };
  }
}

/** Message of an operation that has to fail, as a user would read it. */
export async function failure(operation: Promise<unknown>): Promise<string> {
  const error = await operation.then(
    () => assert.fail("it should have failed"),
    (reason: unknown) => reason as Error,
  );
  return error.message;
}

/** Engine processes at work in a project's folder. */
export async function enginesIn(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const here = await Promise.all(
    pids.map(async (pid) => {
      const [cwd, command] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ""),
        readFile(`/proc/${pid}/comm`, "utf8").catch(() => ""),
      ]);
      return cwd === folder && command.trim() === "pulumi" ? [pid] : [];
    }),
  );
  return here.flat();
}
