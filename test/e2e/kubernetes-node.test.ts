/** The command on a cluster with a real node: NocoBase runs in its pods, and is reached through its Services. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { archiveOf } from "../../platforms/docker/images/build";
import { recipes } from "../../platforms/docker/images/recipes";
import type { Props } from "../../providers/kit/types";
import { backendEnvironment } from "../../toolchain/backend";
import { ensureToolchain } from "../../toolchain/ensure";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "../plugins/support/postgres";
import { NODE_ADDRESS, TestNode } from "../support/kubernetes-node";
import { NoKubernetes } from "../support/kubernetes-program";
import { addDeployer, addStorage } from "../support/kubernetes-storage";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { freePort } from "../support/ports";
import { NoSandbox } from "../support/sandbox";
import { skipBecause } from "../support/skip";
import { App } from "./support/app";
import { eventually, openApp, statusOf } from "./support/fleet";
import { Project, type Values } from "./support/project";

const RELEASE = "2.2.15";
const IMAGE = "registry.example/nocobase";
const DOMAIN = "shop.example";

describe("fleet on a real node of kubernetes", function () {
  this.timeout(10 * 60_000);
  let node: TestNode;
  let postgres: TestPostgres;
  let project: Project;
  let pulumi: (...args: string[]) => string;
  const undone: (() => Promise<void>)[] = [];
  const stack = `node${process.pid}`;

  before(async function () {
    this.timeout(30 * 60_000);
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    try {
      node = await TestNode.start();
    } catch (error) {
      if (error instanceof NoKubernetes || error instanceof NoSandbox) skipBecause(this, error.message);
      throw error;
    }
    undone.push(() => node.stop());
    await addStorage(node.cluster, 4, node.volumes);
    const recipe = recipes(RELEASE).find(({ name }) => name === "nocobase")!;
    await node.addImage((await archiveOf(recipe, `${IMAGE}:${RELEASE}`)).stream());
    const { sandbox } = node;
    postgres = await TestPostgres.start({ sandbox, address: NODE_ADDRESS });
    undone.push(() => postgres.stop());
    const toolchain = await ensureToolchain();
    const values = {
      platform: "kubernetes",
      deletion: "delete",
      kubernetes: { image: `${IMAGE}:{version}` },
      gateway: { domain: DOMAIN },
      databaseServers: {
        main: {
          kind: "external",
          host: NODE_ADDRESS,
          port: postgres.port,
          adminUser: ADMIN,
          sslMode: "disable",
        },
      },
      apps: { crm: { isolation: "dedicated" } },
    };
    project = new Project(stack, values, sandbox);
    undone.push(() => {
      project.remove();
      return Promise.resolve();
    });
    const { KUBECONFIG } = process.env;
    process.env.KUBECONFIG = path.join(project.folder, "kubeconfig");
    writeFileSync(process.env.KUBECONFIG, await addDeployer(node.cluster), { mode: 0o600 });
    undone.push(() => {
      if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = KUBECONFIG;
      return Promise.resolve();
    });
    pulumi = (...args) =>
      execFileSync(toolchain.engine.path, [...args, "--stack", stack, "--non-interactive"], {
        cwd: project.folder,
        env: { ...process.env, ...toolchain.env, ...backendEnvironment(project.folder, process.env) },
        encoding: "utf8",
      });
    pulumi("stack", "init");
    const key = "nocobase-fleet:databaseServerPasswords.main";
    pulumi("config", "set", "--secret", "--path", key, ADMIN_PASSWORD);
    project.reload();
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const objects = async (kind: string, namespace: string): Promise<KubernetesObject[]> =>
    await node.cluster.objects().list({ apiVersion: "v1", kind, metadata: { namespace } });
  const pods = (name: string) => objects("Pod", `${stack}-${name}`);

  /** Pods let requests end before they do. */
  const gone = (name: string) =>
    eventually(`${name} has no pods`, 90, async () => (await pods(name)).length === 0);

  /** kube-proxy hears of a new pod a moment after it is ready. */
  const answers = (app: App) =>
    eventually("an answer through the Service", 60, async () => (await app.health()) === 200);

  /** An instance as its Service's address inside the cluster shows it. */
  async function behindService(name: string, key: string): Promise<App> {
    const [service] = await objects("Service", `${stack}-${name}`);
    const { clusterIP, ports } = service!.spec as { clusterIP: string; ports: { port: number }[] };
    const port = await freePort();
    await node.sandbox.open(port, { host: clusterIP, port: ports[0]!.port });
    const { url, email, password } = await openApp(project, key);
    return new App(`http://${new URL(url).host}:${port}`, email, password);
  }

  let crm: App;

  it("brings up apps whose pods run, migrate and answer through their Services", async () => {
    const { stdout } = await project.succeed("up");
    assert.match(stdout, /^crm .*running .*1\/1/m);
    assert.match(stdout, /^entry .*running .*1\/1/m);
    crm = await behindService("app-crm", "crm");
    for (const app of [crm, await behindService("entry", "entry")]) {
      await answers(app);
      await app.signIn();
    }
    assert.match((await project.succeed("status")).stdout, /^crm .*running/m);
  });

  it("changes nothing when nothing was edited, and no pod", async () => {
    const before = await pods("app-crm");
    assert.match((await project.succeed("up")).stdout, /No changes/);
    const after = await pods("app-crm");
    assert.deepEqual(
      after.map(({ metadata }) => metadata.uid),
      before.map(({ metadata }) => metadata.uid),
    );
  });

  it("keeps records and files when an edit starts new pods", async () => {
    await crm.call("roles:create", { name: "keeper", title: "Keeper" });
    const file = await crm.upload("note.txt", "kept on the volume");
    project.edit((values) => ((values.apps as Record<string, Values>).crm!.env = { EDITED: "yes" }));
    const { stdout } = await project.succeed("up");
    assert.match(stdout, /^crm .*running .*1\/1/m);
    await answers(crm);
    crm.signOut();
    const roles = await crm.call<{ name: string }[]>("roles:list?paginate=false");
    assert.ok(roles.some(({ name }) => name === "keeper"));
    assert.equal(await crm.download(file), "kept on the volume");
  });

  it("tells what an app logs", async () => {
    assert.match((await project.succeed("logs", "crm")).stdout, /server running at/i);
  });

  it("stops an app and starts it again with its data", async () => {
    project.edit((values) => ((values.apps as Record<string, Values>).crm!.state = "stopped"));
    await project.succeed("up");
    await gone("app-crm");
    project.edit((values) => delete (values.apps as Record<string, Values>).crm!.state);
    await project.succeed("up");
    await answers(crm);
    crm.signOut();
    const roles = await crm.call<{ name: string }[]>("roles:list?paginate=false");
    assert.ok(roles.some(({ name }) => name === "keeper"));
  });

  it("sets up an app inside an environment, through the API server", async () => {
    project.edit((values) => {
      values.environments = { blue: {} };
      (values.apps as Values).desk = { title: "Desk", environment: "blue" };
    });
    await project.succeed("up");
    const blue = await behindService("env-blue", "blue");
    assert.equal((await blue.send("/api/__app/desk/__health_check")).status, 200);
    assert.match((await project.succeed("up")).stdout, /No changes/);
  });

  it("commands it from the entry app, as status says", async () => {
    const entry = await behindService("entry", "entry");
    const state = async () => (await statusOf(project)).desk?.registered;
    await eventually("desk runs", 60, async () => (await state()) === "running");
    await entry.call("applications:stop?filterByTk=desk", {});
    await eventually("desk is stopped", 60, async () => (await state()) === "stopped");
    await entry.call("applications:start?filterByTk=desk", {});
    await eventually("desk runs again", 60, async () => (await state()) === "running");
  });

  it("backs an app up with a helper's pod before it goes", async () => {
    project.edit((values) => ((values.apps as Record<string, Values>).crm!.deletion = "backup"));
    await project.succeed("up");
    const [claim] = await objects("PersistentVolumeClaim", `${stack}-app-crm`);
    const { volumeName } = claim!.spec as Props;
    project.edit((values) => delete (values.apps as Values).crm);
    const { stdout } = await project.succeed("up");
    const folder = /Backup of crm: (\S+) in the volume/.exec(stdout)?.[1];
    assert.ok(folder, stdout);
    await gone("app-crm");
    const volume = path.join(node.volumes, String(volumeName).replace("volume-", ""));
    const backup = path.join(volume, folder);
    assert.deepEqual(readdirSync(backup).sort(), ["database.dump", "manifest.json"]);
    const manifest = JSON.parse(readFileSync(path.join(backup, "manifest.json"), "utf8")) as Props;
    assert.ok(Number(manifest.tables) > 50);
    assert.ok(statSync(path.join(backup, "database.dump")).size > 10_000);
    assert.ok(existsSync(path.join(volume, "uploads")));
    assert.deepEqual(
      await postgres.sql("SELECT datname FROM pg_database WHERE datname LIKE $1", [`%crm%`]),
      [],
    );
  });

  it("takes everything else away", async () => {
    await project.succeed("destroy", "--yes");
    const left = await node.cluster.objects().list({ apiVersion: "v1", kind: "Namespace", metadata: {} });
    assert.deepEqual(
      left.map(({ metadata }) => metadata.name!).filter((name) => name.startsWith(stack)),
      [`${stack}-app-crm`],
    );
  });
});
