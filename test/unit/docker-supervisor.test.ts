/** What NocoBase's own supervisor is given on the docker platform, by its multi-environment guide. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { redisConfiguration } from "../../platforms/docker/redis";
import { registered, type DockerStack } from "./support/docker-resources";
import { planOf } from "./support/plans";

const LICENSE = "licence-key-of-the-entry-app";
const PASSWORD = "password of redis-password";
const URL = `redis://:${PASSWORD}@redis:6379/0`;

describe("NocoBase's own supervisor on the docker platform", function () {
  this.timeout(60_000);
  let stack: DockerStack;

  before(async () => {
    const plan = planOf({
      platform: "docker",
      images: "local",
      supervisor: "official",
      gateway: { domain: "apps.example.com", port: 80 },
      entry: { env: { APPEND_PRESET_BUILT_IN_PLUGINS: "@own/plugin-a" } },
      environments: { blue: {} },
      apps: { erp: { isolation: "dedicated" } },
      licenses: { entry: { secure: "v1:x" } },
    });
    assert.equal(plan.supervisor, "official");
    stack = await registered(plan, { licenses: { entry: pulumi.secret(pulumi.output(LICENSE)) } });
  });

  const inputs = (name: string) => (stack.get(name) ?? assert.fail(`no resource ${name}`)).inputs;
  const variables = (name: string): Record<string, string | undefined> =>
    Object.fromEntries(
      (inputs(name).envs as string[]).map((line) => [
        line.slice(0, line.indexOf("=")),
        line.slice(line.indexOf("=") + 1),
      ]),
    );
  const files = (name: string) => {
    const given = inputs(name).files as { value?: Record<string, string> } & Record<string, string>;
    return given.value ?? given;
  };
  const secrets = (instance: string) =>
    JSON.parse(files(`${instance}-instance-secrets`)["secrets.json"] ?? "{}") as Record<string, string>;

  it("tells the entry app that it is the supervisor", () => {
    const { APP_MODE, APP_DISCOVERY_ADAPTER, APP_PROCESS_ADAPTER, APP_COMMAND_ADAPTER, ...others } =
      variables("entry-instance");
    assert.deepEqual(
      [APP_MODE, APP_DISCOVERY_ADAPTER, APP_PROCESS_ADAPTER, APP_COMMAND_ADAPTER],
      ["supervisor", "remote", "remote", "redis"],
    );
    assert.equal(
      others.APPEND_PRESET_BUILT_IN_PLUGINS,
      "@own/plugin-a,@nocobase/plugin-app-supervisor",
      "the user's own stay",
    );
    assert.equal(others.ENVIRONMENT_NAME, undefined);
    assert.equal(others.FLEET_CLUSTER, undefined, "no adapters but NocoBase's own");
  });

  it("tells an environment its name, where people reach it, and where the entry app does", () => {
    const given = variables("blue-instance");
    const names = ["APP_MODE", "APP_DISCOVERY_ADAPTER", "APP_PROCESS_ADAPTER", "APP_COMMAND_ADAPTER"];
    assert.deepEqual(
      names.map((name) => given[name]),
      ["worker", "remote", "local", "redis"],
    );
    assert.deepEqual(
      [given.ENVIRONMENT_NAME, given.ENVIRONMENT_URL, given.ENVIRONMENT_PROXY_URL],
      ["blue", "http://blue.apps.example.com", "http://env-blue:13000"],
    );
    assert.equal(inputs("blue-instance-setup").hostsApps, false, "the open multi-app manager stays off");
    assert.equal(inputs("blue-instance").memory, 2048);
  });

  it("leaves dedicated apps alone", () => {
    const given = variables("erp-instance");
    assert.deepEqual([given.APP_MODE, given.FLEET_CLUSTER], [undefined, "1"]);
    assert.equal(secrets("erp").APP_SUPERVISOR_REDIS_URL, undefined);
  });

  it("gives both the address of Redis and one key, in files that nobody else reads", () => {
    for (const name of ["entry", "blue"]) {
      const { APP_SUPERVISOR_REDIS_URL, APP_COMMAND_REDIS_URL } = secrets(name);
      assert.deepEqual([APP_SUPERVISOR_REDIS_URL, APP_COMMAND_REDIS_URL], [URL, URL]);
    }
    assert.match(secrets("entry").APP_SUPERVISOR_AES_SECRET_KEY ?? "", /^[0-9a-f]{64}$/);
    assert.equal(
      secrets("blue").APP_SUPERVISOR_AES_SECRET_KEY,
      secrets("entry").APP_SUPERVISOR_AES_SECRET_KEY,
    );
    for (const { name, type, inputs: shown } of stack.values()) {
      if (!type.startsWith("docker:")) continue;
      for (const hidden of [PASSWORD, LICENSE]) {
        assert.ok(!JSON.stringify(shown).includes(hidden), `${name} shows ${hidden}`);
      }
    }
  });

  it("puts a licence key where NocoBase looks for it, of those alone that have one", () => {
    assert.deepEqual(files("entry-instance-license"), { ".license/license-key": LICENSE });
    assert.equal(inputs("entry-instance-license").volume, inputs("entry-files-volume").name);
    assert.equal(stack.get("blue-instance-license"), undefined);
  });

  it("runs Redis with a password, on the fleet's network alone", () => {
    assert.deepEqual(files("redis-server-secrets"), {
      "redis.conf": redisConfiguration(PASSWORD, "/data"),
    });
    const { ports, networksAdvanced, readOnly } = inputs("redis-server");
    assert.deepEqual([ports, readOnly], [undefined, true]);
    assert.deepEqual(networksAdvanced, [{ name: "fleet-test", aliases: ["redis"] }]);
  });
});
