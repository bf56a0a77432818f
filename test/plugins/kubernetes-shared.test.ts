/**
 * Apps inside an environment in a cluster: the environment's pod is played, and what comes through the API server to it
 * ends at a real NocoBase on this machine, as do the programs that are run in it.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { backUpBeforeUpgrade } from "../../cli/upgrades";
import type { PlatformExport } from "../../components/platform-export";
import { createTenant } from "../../components/tenant";
import { readFleetSpec } from "../../config/read";
import { planTenant } from "../../plan/tenant";
import { createPlatform } from "../../platforms";
import { createOperations, createPlatformOperations } from "../../platforms/operate";
import type { TestCluster } from "../support/kubernetes";
import { planOf } from "../unit/support/plans";
import { createProject, type Step, type TestProject } from "./support/engine";
import { KubernetesFleet, plugins, providers, type Values } from "./support/kubernetes-fleet";
import type { PodProcess } from "./support/kubernetes-pod";
import { ADMIN_PASSWORD, type TestPostgres } from "./support/postgres";

const STACK = "shop";
const HOST = "shop-env-blue";
const SOLO = "shop-app-solo";

describe("shared apps on platform kubernetes", function () {
  this.timeout(6 * 60_000);
  let fleet: KubernetesFleet;
  let cluster: TestCluster;
  let postgres: TestPostgres;
  let project: TestProject;
  let host: PodProcess;
  let values: Values;

  before(async function () {
    // Its entry app doesn't run.
    fleet = await KubernetesFleet.start(this, STACK, ["env-blue"], {
      supervisor: "none",
      environments: { blue: {} },
      apps: { crm: { title: "CRM", environment: "blue" } },
    });
    ({ cluster, postgres, project, values } = fleet);
    host = fleet.pods["env-blue"]!;
  });
  after(() => fleet.stop());

  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`).sort();
  const health = async (app: string): Promise<number> => {
    const reply = await fetch(`http://127.0.0.1:${host.port}/api/__app/${app}/__health_check`);
    return reply.status;
  };
  const ingress = async (name: string) => {
    const metadata = { namespace: HOST, name };
    return await cluster.objects().find({ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata });
  };

  it("reach their host through the API server alone, with a deployer's rights", async () => {
    const { outputs } = await fleet.bringUp();
    const { crm } = outputs.apps?.value as Record<string, { instanceUrl: string }>;
    assert.equal(crm?.instanceUrl, `http://app.${HOST}.svc/apps/crm/`);
    assert.equal(await health("crm"), 200);
    assert.equal(readFileSync(join(host.storage, "apps/crm/aes_key.dat")).length, 32);
    assert.deepEqual(
      readdirSync(join(host.storage, "apps")).filter((name) => name.startsWith(".")),
      [],
    );
    const { rules } = (await ingress("app-crm"))!.spec as { rules: { host: string }[] };
    assert.deepEqual(
      rules.map((rule) => rule.host),
      ["crm.shop.example"],
    );
  });

  it("are seen by who asks how they are", async () => {
    const operations = createOperations(planOf(values, STACK), project.folder);
    const address = await operations.addressOf?.("env-blue");
    assert.ok(address);
    assert.equal((await fetch(`${address}/api/__app/crm/__health_check`)).status, 200);
  });

  it("stay as they are when nothing changed", async () => {
    assert.deepEqual((await project.up()).steps, []);
  });

  it("come to a running host without touching anything else in it", async () => {
    values.apps.desk = { title: "Desk", environment: "blue", deletion: "backup" };
    const { steps } = await project.up();
    assert.ok(
      steps.every(({ op, name }) => op === "create" && name.includes("desk")),
      ops(steps).join(", "),
    );
    assert.equal(await health("desk"), 200);
  });

  it("come to an environment of the platform from a tenant's stack, which tidies up after itself", async () => {
    const { outputs } = await project.up();
    const { facts, secrets: platformSecrets } = outputs.forTenants!.value as PlatformExport;
    let apps: object = { crm: { title: "Acme", environment: "blue", database: { server: "own" } } };
    const tenantPlan = () => {
      const { image } = values.kubernetes as { image: string };
      const own = { ...(values.databaseServers as { main: object }).main };
      const file = {
        ...{ platformStack: STACK, deletion: "delete", kubernetes: { image }, apps },
        databaseServers: { own },
        databaseServerPasswords: { own: { secure: "v1:x" } },
      };
      const { spec, faults } = readFleetSpec({ stack: "acme", values: file, facts });
      assert.equal(faults, undefined, JSON.stringify(faults));
      return planTenant(spec, facts);
    };
    const program = () => {
      const plan = tenantPlan();
      const secrets = { databaseServerPasswords: { own: pulumi.secret(ADMIN_PASSWORD) }, secretEnv: {} };
      const platform = createPlatform(plan, tenant.folder, { registryPasswords: {} });
      createTenant({ plan, platform, secrets, platformSecrets });
      return Promise.resolve({});
    };
    const tenant = await createProject({ program, plugins, providers });
    try {
      await tenant.up();
      assert.equal(await health("acme-crm"), 200);
      assert.ok(existsSync(join(host.storage, "apps/acme-crm/aes_key.dat")));
      const { rules } = (await ingress("app-acme-crm"))!.spec as { rules: { host: string }[] };
      assert.deepEqual(
        rules.map((rule) => rule.host),
        [tenantPlan().routes[0]!.hosts[0]],
      );
      const metadata = { namespace: HOST, name: "acme-to-database" };
      const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata };
      const { egress } = (await cluster.objects().find(policy))!.spec as { egress: { ports: object[] }[] };
      assert.deepEqual(egress[0]?.ports, [{ protocol: "TCP", port: postgres.port }]);
      assert.deepEqual((await tenant.up()).steps, []);
      const address = await createOperations(tenantPlan(), tenant.folder).addressOf?.("env-blue");
      assert.equal((await fetch(`${address}/api/__app/acme-crm/__health_check`)).status, 200);
      const [part] = await createPlatformOperations(facts).parts();
      assert.deepEqual([part?.name, part?.state], ["env-blue", "running"]);
      apps = {};
      await tenant.up();
      assert.equal(await ingress("app-acme-crm"), undefined);
      assert.equal(await cluster.objects().find(policy), undefined);
      assert.ok(!existsSync(join(host.storage, "apps/acme-crm/aes_key.dat")));
      assert.equal(await health("crm"), 200);
    } finally {
      await tenant.dispose();
    }
    assert.deepEqual((await project.up()).steps, [], "the platform's own");
  });

  it("stand beside apps of their own", async () => {
    values.apps.solo = { isolation: "dedicated", deletion: "backup" };
    await project.up();
    const metadata = { namespace: SOLO, name: "app" };
    assert.ok(await cluster.objects().find({ apiVersion: "apps/v1", kind: "Deployment", metadata }));
  });

  it("are backed up before they go on with another release, their files left in place", async () => {
    const release = { version: "2.3.0" };
    const { solo, ...others } = values.apps;
    const edited = {
      ...values,
      environments: { blue: { release } },
      apps: { ...others, solo: { ...solo, release } },
    };
    const resources = await project.resources(true);
    const said: string[] = [];
    await backUpBeforeUpgrade(planOf(edited, STACK), resources, (line) => said.push(line));
    const places = said.flatMap((line) => {
      const [, key, folder] = /Backup of (\w+): (\S+) in the volume of namespace shop-/.exec(line) ?? [];
      return key && folder ? [{ key, folder }] : [];
    });
    assert.deepEqual(places.map(({ key }) => key).sort(), ["blue", "crm", "desk", "solo"], said.join("\n"));
    for (const { key, folder } of places) {
      const backup = join(host.storage, folder);
      assert.deepEqual(readdirSync(backup).sort(), ["database.dump", "manifest.json"], key);
    }
    assert.ok(existsSync(join(host.storage, "apps/desk/aes_key.dat")));
    assert.equal(await health("desk"), 200);
    said.length = 0;
    await backUpBeforeUpgrade(planOf(values, STACK), resources, (line) => said.push(line));
    assert.deepEqual(said, []);
  });

  it("stop without an ingress that would wake them", async () => {
    values.apps.crm!.state = "stopped";
    assert.deepEqual(ops((await project.up()).steps), ["delete gateway-server-crm", "update crm-app"]);
    assert.equal(await ingress("app-crm"), undefined);
    assert.ok(await ingress("app-desk"));
  });

  it("say what a move would need", async () => {
    values.apps.crm!.isolation = "dedicated";
    const { environment } = values.apps.crm!;
    delete values.apps.crm!.environment;
    await assert.rejects(project.preview(), /can't move them to shop-app-crm yet/);
    Object.assign(values.apps.crm!, { environment, isolation: "shared" });
  });

  it("leave nothing behind, or a backup that holds it all", async () => {
    values.apps = {};
    const { stdout } = await project.up();
    const folder = /Backup of desk: (\S+) in the volume/.exec(stdout)?.[1];
    assert.ok(folder, stdout);
    const backup = join(host.storage, folder);
    assert.deepEqual(readdirSync(backup).sort(), ["database.dump", "files", "manifest.json"]);
    const manifest = JSON.parse(readFileSync(join(backup, "manifest.json"), "utf8")) as { tables: number };
    assert.ok(manifest.tables > 50);
    assert.ok(existsSync(join(backup, "files/aes_key.dat")));
    assert.ok(!existsSync(join(host.storage, "apps/crm/aes_key.dat")));
    assert.ok(!existsSync(join(host.storage, "uploads/desk")));
    // Of the app of its own, whose pods were gone by then, the volume stays.
    const own = /Backup of solo: (\S+) in the volume/.exec(stdout)?.[1];
    assert.ok(own, stdout);
    assert.deepEqual(readdirSync(join(host.storage, own)).sort(), ["database.dump", "manifest.json"]);
    const left = async (apiVersion: string, kind: string) => {
      const found = await cluster.objects().list({ apiVersion, kind, metadata: { namespace: SOLO } });
      return found.map(({ metadata }) => metadata.name);
    };
    assert.deepEqual(await left("v1", "PersistentVolumeClaim"), ["files"]);
    assert.deepEqual(await left("apps/v1", "Deployment"), []);
    assert.deepEqual(await left("v1", "Secret"), []);
  });
});
