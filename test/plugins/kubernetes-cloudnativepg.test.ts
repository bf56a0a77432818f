/** Database servers of kind cloudnativepg under the real engine: a real API server, its operator played on a real PostgreSQL. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { escapeLiteral } from "pg";
import { checkKubernetes } from "../../cli/doctor/kubernetes";
import { createFleet } from "../../components/fleet";
import { createPlatform } from "../../platforms";
import type { Props } from "../../providers/kit/types";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { KubernetesObject } from "../../toolchain/plugins/kubernetes/api/kinds";
import { CLOUDNATIVEPG_KINDS, PlayedOperator } from "../support/cloudnativepg";
import type { TestCluster } from "../support/kubernetes";
import { addDeployer, addStorage } from "../support/kubernetes-storage";
import { planOf } from "../unit/support/plans";
import { createProject, standIn, type Step, type TestProject } from "./support/engine";
import { startCluster } from "./support/kubernetes-stack";
import { ADMIN, TestPostgres } from "./support/postgres";

const STACK = "shop";
const NAMESPACE = "shop-postgres-main";
const SECRET_KEY = "secret-key-of-a-store";

interface Values {
  apps: Record<string, Record<string, unknown>>;
  databaseServers: { main: Record<string, unknown> };
  [key: string]: unknown;
}

describe("platform kubernetes with CloudNativePG", function () {
  this.timeout(360_000);
  let cluster: TestCluster;
  let postgres: TestPostgres;
  let project: TestProject;
  let values: Values;
  const undone: (() => Promise<void>)[] = [];

  before(async function () {
    cluster = await startCluster(this);
    undone.push(() => cluster.stop());
    await addStorage(cluster, 6);
    postgres = await TestPostgres.start();
    undone.push(() => postgres.stop());
    values = {
      platform: "kubernetes",
      deletion: "delete",
      kubernetes: { image: "registry.example/nocobase:{version}", ingress: { class: "nginx" } },
      gateway: { domain: "shop.example" },
      databaseServers: { main: { kind: "cloudnativepg", backups: { destination: "s3://backups/fleet" } } },
      objectStoreKeys: { main: { accessKeyId: { secure: "v1:x" }, secretAccessKey: { secure: "v1:x" } } },
      apps: { crm: { isolation: "dedicated" } },
    };
    const program = () => {
      const plan = planOf(values, STACK);
      const keys = { accessKeyId: pulumi.secret("key"), secretAccessKey: pulumi.secret(SECRET_KEY) };
      const secrets = { databaseServerPasswords: {}, objectStoreKeys: { main: keys }, secretEnv: {} };
      const platform = createPlatform(plan, project.folder, { registryPasswords: {} });
      const { url } = createFleet(plan, platform, secrets);
      return Promise.resolve({ url });
    };
    const plugins = (["random", "kubernetes"] as const).map(standIn);
    const providers = { "nocobase-kubernetes": join(PROJECT_DIR, "providers/kubernetes") };
    project = await createProject({ program, plugins, providers });
    undone.push(() => project.dispose());
    const kubeconfig = join(project.folder, "kubeconfig");
    await writeFile(kubeconfig, await addDeployer(cluster), { mode: 0o600 });
    const { KUBECONFIG } = process.env;
    process.env.KUBECONFIG = kubeconfig;
    undone.push(() => {
      if (KUBECONFIG === undefined) delete process.env.KUBECONFIG;
      else process.env.KUBECONFIG = KUBECONFIG;
      return Promise.resolve();
    });
  });
  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  const ops = (steps: readonly Step[]) => steps.map(({ op, name }) => `${op} ${name}`).sort();
  const find = async (
    kind: string,
    name: string,
    apiVersion = "postgresql.cnpg.io/v1",
    namespace = NAMESPACE,
  ) => await cluster.objects().find({ apiVersion, kind, metadata: { namespace, name } });
  const spec = (object: KubernetesObject | undefined) => (object as unknown as { spec: Props }).spec;
  const databases = async () =>
    (await postgres.sql("SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1")).map(
      ({ datname }) => datname,
    );
  const passwordOf = async (key: string) => {
    const { data } = (await find("Secret", `role-${key}`, "v1")) as unknown as {
      data: Record<string, string>;
    };
    return Buffer.from(data.password ?? "", "base64").toString("utf8");
  };
  /** What the app's own role is answered on a database. */
  const signIn = async (key: string, database: string) => {
    const config = { user: `shop_${key}`, password: await passwordOf(key), database };
    return await postgres.sql("SELECT current_user AS name", [], config).then(
      ([row]) => row?.name,
      (error: unknown) => (error as Error).message,
    );
  };

  it("says before anything else what is to be installed", async () => {
    const found = (await checkKubernetes(planOf(values, STACK))).filter(({ result }) => result === "fail");
    assert.deepEqual(
      found.map(({ check }) => check),
      ["cluster: CloudNativePG", "cluster: Barman Cloud plugin"],
    );
    assert.match(found[0]?.fix ?? "", /install the CloudNativePG operator, release 1\.30/);
    await assert.rejects(project.up(), /no kind (Cluster|ObjectStore) in .*Install the operator/s);
    for (const kind of CLOUDNATIVEPG_KINDS) await cluster.objects().create(kind);
  });

  it("makes the server and each app's role and database, as somebody with the deployer's rights", async () => {
    const operator = PlayedOperator.start(cluster.objects(), postgres, NAMESPACE);
    undone.push(() => operator.stop());
    await project.up();
    assert.deepEqual(await databases(), ["shop_crm", "shop_entry"]);
    assert.equal(await signIn("crm", "shop_crm"), "shop_crm");
    const server = spec(await find("Cluster", "postgres"));
    assert.equal(server.instances, 3);
    assert.equal(server.enableSuperuserAccess, false);
    assert.equal(spec(await find("ScheduledBackup", "backups")).method, "plugin");
    const variables = await find("Secret", "variables", "v1", "shop-app-crm");
    const { DB_HOST = "", DB_PASSWORD = "" } = variables?.data as Record<string, string>;
    assert.equal(Buffer.from(DB_HOST, "base64").toString("utf8"), "postgres-rw.shop-postgres-main.svc");
    assert.equal(Buffer.from(DB_PASSWORD, "base64").toString("utf8"), await passwordOf("crm"));
    assert.ok((await checkKubernetes(planOf(values, STACK))).every(({ result }) => result === "ok"));
  });

  it("keeps passwords and the store's keys out of the state's text", async () => {
    const text = await project.stateText();
    for (const secret of [await passwordOf("crm"), await passwordOf("entry"), SECRET_KEY]) {
      assert.ok(secret.length > 10 && !text.includes(secret));
      assert.ok(!text.includes(Buffer.from(secret).toString("base64")));
    }
  });

  it("changes nothing when nothing changed, after a refresh neither", async () => {
    assert.deepEqual((await project.refresh()).steps, []);
    assert.deepEqual((await project.up()).steps, []);
  });

  it("adds an app and widens a role without a change of the server", async () => {
    values.apps.hub = { isolation: "dedicated", deletion: "retain" };
    values.apps.crm!.database = { connectionLimit: 7 };
    const { steps } = await project.up();
    const changed = ops(steps).filter((step) => !step.startsWith("create "));
    assert.deepEqual(changed, ["update crm-role", "update main-server-from-instances"]);
    const [role] = await postgres.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'shop_crm'");
    assert.equal(role?.rolconnlimit, 7);
  });

  it("lets each role into its own database alone, by the server's sign-in rules", async () => {
    const rules = (spec(await find("Cluster", "postgres")).postgresql as { pg_hba: string[] }).pg_hba;
    // The test's server has no TLS, and its administrator comes over the network.
    const lines = [
      `host all ${ADMIN} all scram-sha-256`,
      ...rules.map((rule) => rule.replace("hostssl", "host")),
    ];
    const [{ hba_file: file } = {}] = await postgres.sql("SHOW hba_file");
    const rows = lines.map((line) => `(${escapeLiteral(line)})`).join(",");
    await postgres.sql(`COPY (VALUES ${rows}) TO ${escapeLiteral(String(file))}`);
    await postgres.sql("SELECT pg_reload_conf()");
    // PostgreSQL reads the file some time after it was asked to.
    while ((await signIn("hub", "shop_crm")) === "shop_hub") continue;
    assert.match(String(await signIn("hub", "shop_crm")), /pg_hba\.conf rejects connection/);
    assert.match(String(await signIn("hub", "postgres")), /pg_hba\.conf rejects connection/);
    assert.equal(await signIn("hub", "shop_hub"), "shop_hub");
    assert.equal(await signIn("crm", "shop_crm"), "shop_crm");
  });

  it("refuses in the preview what a server can't change", async () => {
    values.databaseServers.main.storage = { size: "10Gi" };
    await assert.rejects(project.preview(), /storage\.size: volumes can't shrink from 20Gi to 10Gi/);
    delete values.databaseServers.main.storage;
  });

  it("removes an app's database and role with it, and leaves them where the app says retain", async () => {
    delete values.apps.crm;
    delete values.apps.hub;
    await project.up();
    assert.deepEqual(await databases(), ["shop_entry", "shop_hub"]);
    assert.equal(await find("DatabaseRole", "crm"), undefined);
    assert.equal(await find("Secret", "role-crm", "v1"), undefined);
    assert.equal(spec(await find("Database", "hub")).databaseReclaimPolicy, "retain");
    assert.equal(await signIn("hub", "shop_hub"), "shop_hub");
  });

  it("doesn't take over what an app has left", async () => {
    values.apps.hub = { isolation: "dedicated" };
    await assert.rejects(project.up(), /hub.*not this stack's, and is left as it is/s);
    delete values.apps.hub;
    assert.equal(await signIn("hub", "shop_hub"), "shop_hub");
  });

  it("keeps a server that still holds a database, and takes it away without", async () => {
    await assert.rejects(project.destroy(), /database server main still holds databases: hub\. It stays/);
    assert.ok(await find("Cluster", "postgres"));
    assert.deepEqual(await databases(), ["shop_hub"]);
    const metadata = { namespace: NAMESPACE, name: "hub" };
    await cluster.objects().delete({ apiVersion: "postgresql.cnpg.io/v1", kind: "Database", metadata });
    await project.destroy();
    assert.equal(await find("Cluster", "postgres"), undefined);
    assert.deepEqual(await databases(), ["shop_hub"], "the object's policy is to retain");
  });
});
