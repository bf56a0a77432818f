import assert from "node:assert/strict";
import type { PolicyResource, ReportViolation } from "@pulumi/policy";
import { policies } from "../../policies/list";
import { CONTAINER, DATABASE, GRANT, IMAGE, INSTANCE, POSTGRES_SERVER, ROLE } from "../../policies/types";

interface Made {
  name: string;
  type: string;
  props?: Record<string, unknown>;
  protect?: boolean;
  parent?: string;
  /** Names of the resources that a property's value comes from. */
  from?: Record<string, string>;
}

/** What the named policy says against these resources: `NAME: message`, or the message alone for a single resource. */
async function findings(policy: string, resources: readonly Made[]): Promise<string[]> {
  const found = policies.find(({ name }) => name === policy);
  assert.ok(found, policy);
  const messages: string[] = [];
  const report: ReportViolation = (message) => void messages.push(message);
  const made = new Map<string, PolicyResource>();
  for (const { name, type, props = {}, protect = false } of resources) {
    const opts = { protect, ignoreChanges: [], aliases: [], additionalSecretOutputs: [] };
    const resource = {
      name,
      type,
      props,
      urn: `urn::${name}`,
      opts,
      dependencies: [],
      propertyDependencies: {},
    };
    made.set(name, resource as unknown as PolicyResource);
  }
  for (const { name, parent, from = {} } of resources) {
    const resource = made.get(name)!;
    resource.parent = parent === undefined ? undefined : made.get(parent);
    for (const [property, source] of Object.entries(from)) {
      resource.propertyDependencies[property] = [made.get(source)!];
    }
  }
  if ("validateStack" in found) {
    await found.validateStack({ resources: [...made.values()] } as never, report);
  } else {
    const validate = found.validateResource;
    assert.ok(typeof validate === "function");
    for (const resource of made.values()) await validate(resource as never, report);
  }
  return messages;
}

const app: Made = { name: "crm", type: "nocobase-fleet:index:BusinessApp" };
const role: Made = {
  name: "crm-role",
  type: ROLE,
  props: { name: "crm", connectionLimit: 20 },
  parent: "crm",
};
const database: Made = {
  ...{ name: "crm-db", type: DATABASE, parent: "crm", protect: true },
  from: { owner: "crm-role" },
};
const grant: Made = {
  ...{ name: "crm-connect", type: GRANT, parent: "crm", from: { database: "crm-db" } },
  props: { role: "public", objectType: "database", privileges: [] },
};
const process = (host: unknown, type = INSTANCE): Made => ({ name: "erp", type, props: { host } });
const hardened = {
  capabilities: { drops: ["ALL"] },
  securityOpts: ["no-new-privileges:true"],
  mounts: [{ type: "volume", source: "fleet-dev-run", target: "/run/fleet" }],
  ports: [{ internal: 13000, external: 20000, ip: "127.0.0.1" }],
  ipcMode: "private",
};
const container = (props: Record<string, unknown> = {}): Made => ({
  ...{ name: "erp-instance", type: CONTAINER },
  props: { ...hardened, ...props },
});
const proxy = container({
  ports: [{ internal: 8080, external: 80, ip: "0.0.0.0" }],
  labels: [{ label: "nocobase-fleet.part", value: "gateway-proxy" }],
});
const image = (name: string): Made => ({ name: "image-postgres", type: IMAGE, props: { name } });
const images = [
  "caddy:2.10.2",
  `registry.example.com:5000/caddy@sha256:${"a".repeat(64)}`,
  `caddy:latest@sha256:${"a".repeat(64)}`,
].map(image);
const good = [
  app,
  role,
  database,
  grant,
  process("127.0.0.1"),
  process(undefined, POSTGRES_SERVER),
  container(),
  proxy,
  ...images,
];
const without = (resource: Made) => good.filter((each) => each !== resource);

const bad: Record<string, readonly (readonly [what: string, resources: readonly Made[], finding: RegExp])[]> =
  {
    "unprivileged-role": [
      ...["superuser", "createDatabase", "createRole", "replication", "bypassRowLevelSecurity"].map(
        (property): [string, Made[], RegExp] => [
          property,
          [{ ...role, props: { [property]: true } }],
          /^The role would have the privilege [a-z]+\.$/,
        ],
      ),
      ["a member", [{ ...role, props: { roles: ["pg_read_all_data"] } }], /a member of pg_read_all_data/],
    ],
    "limited-role": [
      ["no limit", [{ ...role, props: {} }], /no connection limit/],
      ["PostgreSQL's word for none", [{ ...role, props: { connectionLimit: -1 } }], /no connection limit/],
    ],
    "owned-database": [
      [
        "another's",
        [app, role, { ...database, from: {} }],
        /crm-db would not belong to a role of this stack/,
      ],
      [
        "two of one role",
        [...good, { ...database, name: "hr-db" }],
        /crm-db and hr-db would belong to the same/,
      ],
    ],
    "closed-database": [
      ["left open", without(grant), /crm-db would be open to every role/],
      ["another closed", [...without(grant), { ...grant, from: { database: "crm-role" } }], /would be open/],
    ],
    "nothing-for-everybody": [
      [
        "opened",
        [{ ...grant, props: { ...grant.props, privileges: ["CONNECT"] } }],
        /^It would give everybody CONNECT\.$/,
      ],
    ],
    "decided-deletion": [
      [
        "nothing said",
        [app, role, { ...database, protect: false }, grant],
        /crm-db could be deleted by mistake/,
      ],
      [
        "said of another app",
        [
          ...[app, role, { ...database, protect: false }],
          { name: "hr", type: app.type },
          {
            name: "hr-files",
            type: "nocobase-local:index:AppFiles",
            parent: "hr",
            props: { deletion: "delete" },
          },
        ],
        /crm-db could be deleted by mistake/,
      ],
    ],
    loopback: [
      ["every address", [process("0.0.0.0")], /would listen on "0\.0\.0\.0"/],
      ["a network's", [process("10.0.0.7", POSTGRES_SERVER)], /would listen on "10\.0\.0\.7"/],
      ["no loopback at all", [process("127.0.0.1.example.com")], /would listen on/],
    ],
    "unprivileged-container": [
      ["privileged", [container({ privileged: true })], /root on the machine/],
      ["the machine's network", [container({ networkMode: "host" })], /the machine's network/],
      ["the machine's processes", [container({ pidMode: "host" })], /the machine's processes/],
      ["a device", [container({ devices: [{ hostPath: "/dev/sda" }] })], /devices of the machine/],
    ],
    "dropped-capabilities": [
      ["all kept", [container({ capabilities: undefined })], /lacks "ALL"/],
      ["some dropped", [container({ capabilities: { drops: ["NET_RAW"] } })], /lacks "ALL"/],
      [
        "one added",
        [container({ capabilities: { drops: ["ALL"], adds: ["SYS_ADMIN"] } })],
        /given SYS_ADMIN/,
      ],
      ["a way to more", [container({ securityOpts: [] })], /no-new-privileges:true/],
    ],
    "no-daemon-socket": [
      ...["/var/run/docker.sock", "/run/", "/", "/run/containerd/containerd.sock"].map(
        (source): [string, Made[], RegExp] => [
          source,
          [container({ mounts: [{ type: "bind", source, target: "/x" }] })],
          /the daemon's socket/,
        ],
      ),
      ["as a volume", [container({ volumes: [{ hostPath: "/var/run" }] })], /the daemon's socket/],
    ],
    "published-ports": [
      ["every address", [container({ ports: [{ internal: 80, external: 8080 }] })], /8080 .* every address/],
      ["a network's", [container({ ports: [{ internal: 80, ip: "10.0.0.7" }] })], /80 .* 10\.0\.0\.7/],
      ["all ports", [container({ publishAllPorts: true })], /every port/],
    ],
    "pinned-image": [
      ["no tag", [image("registry.example.com:5000/caddy")], /whatever its registry has/],
      ["the latest", [image("caddy:latest")], /whatever its registry has/],
    ],
  };

describe("policies", () => {
  it("have each a name, a sentence, cases here, and the pack's enforcement", () => {
    assert.deepEqual(policies.map(({ name }) => name).sort(), Object.keys(bad).sort());
    for (const { name, description, enforcementLevel } of policies) {
      assert.match(name, /^[a-z-]+$/);
      assert.match(description, /^[A-Z].*\.$/);
      assert.equal(enforcementLevel, undefined);
    }
  });

  for (const [policy, cases] of Object.entries(bad)) {
    it(`${policy}: finds nothing in what a fleet makes, and each fault`, async () => {
      assert.deepEqual(await findings(policy, good), []);
      for (const [what, resources, finding] of cases) {
        const found = await findings(policy, resources);
        assert.equal(found.length, 1, `${what}: ${found.join(" ")}`);
        assert.match(found[0]!, finding, what);
      }
    });
  }

  it("let go of a database whose app says what becomes of it", async () => {
    for (const deletion of ["backup", "retain", "delete"]) {
      const files: Made = {
        ...{ name: "crm-files", type: "nocobase-local:index:AppFiles", parent: "crm" },
        props: { deletion },
      };
      const resources = [app, role, { ...database, protect: false }, grant, files];
      assert.deepEqual(await findings("decided-deletion", resources), []);
    }
  });
});
