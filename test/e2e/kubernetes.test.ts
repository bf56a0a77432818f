import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { backendEnvironment } from "../../toolchain/backend";
import { ensureToolchain } from "../../toolchain/ensure";
import { startCluster } from "../plugins/support/kubernetes-stack";
import { ADMIN, ADMIN_PASSWORD, TestPostgres } from "../plugins/support/postgres";
import type { TestCluster } from "../support/kubernetes";
import { addDeployer, addStorage } from "../support/kubernetes-storage";
import { Project, type Values } from "./support/project";

/** The command on a cluster whose nodes are played; NocoBase itself does not run. */
describe("fleet on kubernetes", function () {
  this.timeout(6 * 60_000);
  let cluster: TestCluster;
  let postgres: TestPostgres;
  let project: Project;
  const undone: (() => Promise<void>)[] = [];
  const stack = `kube${process.pid}`;

  before(async function () {
    cluster = await startCluster(this);
    undone.push(() => cluster.stop());
    await addStorage(cluster, 8);
    postgres = await TestPostgres.start();
    undone.push(() => postgres.stop());
    const toolchain = await ensureToolchain();
    project = new Project(stack, {
      platform: "kubernetes",
      supervisor: "none",
      deletion: "delete",
      kubernetes: { image: "registry.example/nocobase:{version}" },
      gateway: { domain: "shop.example" },
      databaseServers: {
        main: {
          kind: "external",
          host: "127.0.0.1",
          port: postgres.port,
          adminUser: ADMIN,
          sslMode: "disable",
        },
      },
      apps: { crm: { isolation: "dedicated" } },
    });
    undone.push(() => {
      project.remove();
      return Promise.resolve();
    });
    const { KUBECONFIG } = process.env;
    process.env.KUBECONFIG = path.join(project.folder, "kubeconfig");
    writeFileSync(process.env.KUBECONFIG, await addDeployer(cluster), { mode: 0o600 });
    undone.push(() => {
      if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = KUBECONFIG;
      return Promise.resolve();
    });
    const pulumi = (...args: string[]) =>
      execFileSync(toolchain.engine.path, [...args, "--stack", stack, "--non-interactive"], {
        cwd: project.folder,
        env: { ...process.env, ...toolchain.env, ...backendEnvironment(project.folder, process.env) },
      });
    pulumi("stack", "init");
    const key = "nocobase-fleet:databaseServerPasswords.main";
    pulumi("config", "set", "--secret", "--path", key, ADMIN_PASSWORD);
    project.reload();
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const namespaces = async (): Promise<string[]> => {
    const found = await cluster.objects().list({ apiVersion: "v1", kind: "Namespace", metadata: {} });
    return found.map(({ metadata }) => metadata.name!).filter((name) => name.startsWith(stack));
  };

  it("refuses a namespace that is not the stack's, and leaves it as it is", async () => {
    const foreign = {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: `${stack}-app-crm`, labels: { owner: "other" } },
    };
    await cluster.objects().create(foreign);
    const run = await project.fleet("up");
    assert.equal(run.code, 1, run.output);
    assert.match(
      run.output,
      new RegExp(`Can't create Namespace ${stack}-app-crm: .*already exists.*not this stack's`),
    );
    assert.doesNotMatch(run.output, /\n\s+at .*\.[jt]s:\d+/, "a stack trace");
    const found = await cluster.objects().find(foreign);
    assert.deepEqual((found!.metadata.labels as Values).owner, "other");
    assert.equal((found!.metadata.labels as Values)["nocobase-fleet/stack"], undefined);
    await cluster.objects().delete(foreign);
    while (await cluster.objects().find(foreign)) await sleep(100);
  });

  it("goes on from there, and says how the fleet is", async () => {
    const { stdout } = await project.succeed("up");
    assert.match(stdout, /^crm .*running .*1\/1/m);
    assert.match(stdout, /Open http:\/\/shop\.example/);
    assert.match((await project.succeed("up")).stdout, /No changes/);
    assert.match((await project.succeed("status")).stdout, /^entry .*running/m);
  });

  it("previews an edit without findings of the policies", async () => {
    project.edit((values) => ((values.apps as Record<string, Values>).crm!.resources = { memory: "1200Mi" }));
    const { output } = await project.succeed("preview");
    assert.match(output, /crm/);
    assert.doesNotMatch(output, /mandatory|Policies forbid/);
  });

  for (const [index, step] of ["files-namespace", "instance"].entries()) {
    it(`converges after \`up\` was killed at a new app's ${step}`, async () => {
      const key = `late${index}`;
      project.edit((values) => ((values.apps as Values)[key] = { isolation: "dedicated" }));
      await killUpAt(project, new RegExp(`(created|…) +${key}-${step}\\b`));
      const { stdout } = await project.succeed("up");
      assert.match(stdout, new RegExp(`^${key} .*running`, "m"));
      assert.equal((await namespaces()).filter((name) => name.endsWith(key)).length, 1);
      assert.match((await project.succeed("up")).stdout, /No changes/);
    });
  }

  it("brings a tenant's app up beside it, and takes it away again", async () => {
    const name = `tenant${process.pid}`;
    const tenant = Object.create(project, { stack: { value: name } }) as Project;
    const { kubernetes } = project.values;
    const values = {
      platformStack: stack,
      deletion: "delete",
      kubernetes,
      apps: { desk: { isolation: "dedicated" } },
    };
    const config = Object.entries(values).map(([key, value]) => [`nocobase-fleet:${key}`, value]);
    const file = path.join(project.folder, `Pulumi.${name}.yaml`);
    writeFileSync(file, stringify({ config: Object.fromEntries(config) as Values }));
    const { stdout } = await tenant.succeed("up");
    assert.match(stdout, /^desk .*running .*1\/1/m);
    assert.match((await tenant.succeed("up")).stdout, /No changes/);
    await tenant.succeed("destroy", "--yes");
    const left = await cluster.objects().list({ apiVersion: "v1", kind: "Namespace", metadata: {} });
    assert.deepEqual(
      left.map(({ metadata }) => metadata.name!).filter((each) => each.startsWith(name)),
      [],
    );
  });

  it("stops an app, says so, and starts it with the next up", async () => {
    await project.succeed("stop", "crm");
    const status = await project.fleet("status");
    assert.equal(status.code, 1, "something that should run doesn't");
    assert.match(status.stdout, /^crm .*held.*should be running/m);
    const { stdout } = await project.succeed("up");
    assert.match(stdout, /^Starting app-crm first/m);
    assert.match(stdout, /^crm .*running .*1\/1/m);
  });

  it("takes everything away", async () => {
    await project.succeed("destroy", "--yes");
    assert.deepEqual(await namespaces(), []);
  });
});

/** Starts `up` and kills it with its whole process group at the first line that matches. */
async function killUpAt(project: Project, line: RegExp): Promise<void> {
  const child = project.start("up");
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (line.test(output) && child.pid !== undefined && child.exitCode === null)
        process.kill(-child.pid, "SIGKILL");
    });
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve();
      else reject(new Error(`up ended before it could be killed at ${String(line)}:\n${output}`));
    });
  });
  // The engine's children notice within a second that it is gone.
  await sleep(1500);
}
