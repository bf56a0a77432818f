import assert from "node:assert/strict";
import fc from "fast-check";
import { plainVariables, secretsText, memoryLimit } from "../../platforms/docker/environment";
import { dockerRoutes } from "../../platforms/docker/gateway";
import { imageName, profileOf } from "../../platforms/docker/images/profiles";
import { dockerName, hostOf } from "../../platforms/docker/names";
import { proxyConfiguration, proxyMark } from "../../platforms/docker/proxy";
import { replicaName } from "../../plan/names";
import { readTable } from "../../providers/local/gateway/table";
import { planOf } from "./support/plans";

describe("docker platform", () => {
  const plan = planOf({
    platform: "docker",
    images: "local",
    environments: { blue: {} },
    apps: {
      crm: { environment: "blue" },
      erp: { isolation: "dedicated", replicas: 3, resources: { memory: "2Gi" } },
    },
  });
  const erp = plan.apps.erp!.instance!;

  it("names containers after stack and part, and replicas so that an address can hold them", () => {
    assert.equal(dockerName("acme/fleets/dev", "app-erp.2"), "fleet-dev-app-erp.2");
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z](?:[a-z0-9-]{0,40}[a-z0-9])?$/),
        fc.integer({ min: 1, max: 100 }),
        (key, number) => {
          const host = hostOf(replicaName(`app-${key}`, number));
          assert.equal(new URL(`http://${host}:13000`).hostname, host);
        },
      ),
    );
  });

  it("routes to the containers of each instance, in a table that the gateway takes", () => {
    const addressesOf = (name: string) =>
      name === erp.name
        ? erp.replicas.map((replica) => `http://${hostOf(replica.name)}:13000`)
        : [`http://${name}:13000`];
    const routes = dockerRoutes(plan.gateway.routes, addressesOf);
    const table = {
      host: "0.0.0.0",
      port: 8080,
      domain: "localhost",
      uploadLimitMiB: 1,
      behindProxy: true,
      routes,
    };
    const { apps, entry } = readTable(JSON.stringify(table));
    assert.equal(entry?.target, "http://entry:13000");
    assert.equal(apps.get("crm")?.target, "http://env-blue:13000");
    assert.equal(apps.get("crm")?.targets, undefined);
    assert.deepEqual(apps.get("erp")?.targets, [
      "http://app-erp:13000",
      "http://2.app-erp:13000",
      "http://3.app-erp:13000",
    ]);
  });

  it("limits memory by what was measured, and V8's heap within it", () => {
    assert.equal(memoryLimit(erp), 2048);
    assert.equal(memoryLimit(plan.entry), 1024);
    assert.equal(memoryLimit(plan.environments.blue!), 2048);
    const database = {
      host: "postgres-main",
      port: 5432,
      name: "dev_erp",
      user: "dev_erp",
      sslMode: "disable",
    };
    const profile = profileOf(plan.images).nocobase;
    const variables = plainVariables({ plan: erp, replica: erp.replicas[1]!, profile, database });
    assert.ok(variables.includes("NODE_OPTIONS=--preserve-symlinks --max-old-space-size=1536"));
    assert.ok(variables.includes("FLEET_REPLICA=app-erp.2"));
    assert.ok(variables.includes("FLEET_CLUSTER=1"));
    assert.ok(
      !variables.some((line) => /PASSWORD=|SECRET|APP_KEY/.test(line.replace(/^FLEET_SECRETS_FILE=.*/, ""))),
    );
  });

  it("writes secrets that a shell reads back as they are", () => {
    assert.equal(secretsText("json", { B: "2", A: "it's" }), '{"A":"it\'s","B":"2"}');
    assert.equal(secretsText("shell", { B: "$(id)`id`", A: "it's" }), "A='it'\\''s'\nB='$(id)`id`'\n");
  });

  it("names official images with a pinned version, and lets each be another", () => {
    const official = {
      source: "official",
      names: { nocobase: "registry.example.com/nocobase:{version}" },
    } as const;
    assert.equal(imageName(official, "nocobase", "2.2.15"), "registry.example.com/nocobase:2.2.15");
    for (const name of ["node", "postgres", "proxy"] as const) {
      assert.match(imageName(official, name, "2.2.15"), /:\d+\.\d+/);
    }
    assert.match(
      imageName(plan.images, "nocobase", "2.2.15"),
      /^nocobase-fleet\/nocobase:2\.2\.15-[0-9a-f]{12}$/,
    );
  });

  it("configures the proxy for plain HTTP and for HTTPS, without any app's name in it", () => {
    const plain = proxyConfiguration({});
    assert.match(plain, /auto_https off[\s\S]*:8080 \{\n\treverse_proxy gateway:8080\n\}/);
    const tls = proxyConfiguration({ tls: { port: 8443, issuer: "acme", email: "ops@example.com" } });
    assert.match(tls, /email ops@example\.com/);
    assert.match(tls, /ask http:\/\/gateway:8080\/__fleet\/known-host/);
    assert.match(tls, /redir https:\/\/\{host\}:8443\{uri\} 308/);
    assert.notEqual(proxyMark(plain), proxyMark(tls));
  });
});
