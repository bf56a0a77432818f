import type { BadStackFile } from "./types";

const head = `config:
  nocobase-fleet:platform: docker
`;
const digest = `sha256:${"a".repeat(64)}`;

/** What containers, registries and NocoBase's own supervisor can't be told. */
export const badDocker: readonly BadStackFile[] = [
  {
    name: "registries without a password, twice, and a password too many",
    yaml: `${head}  nocobase-fleet:registries:
    own: { address: "registry.example.com:5000", username: fleet }
    twin: { address: "registry.example.com:5000", username: other }
  nocobase-fleet:registryPasswords: { twin: { secure: "v1:x" }, onw: { secure: "v1:x" } }
`,
    faults: [
      {
        path: "nocobase-fleet:registryPasswords.own",
        says: ["registry.example.com:5000 asks for a sign-in", "pulumi config set --secret --path"],
      },
      { path: "nocobase-fleet:registries.twin.address", says: ['address of registry "own", too'] },
      { path: "nocobase-fleet:registryPasswords.onw", says: ['did you mean "own"?'] },
    ],
  },
  {
    name: "registries by a URL, with a colon in the name, and a password in plain text",
    yaml: `${head}  nocobase-fleet:registries:
    url: { address: "https://registry.example.com/v2", username: "a:b" }
  nocobase-fleet:registryPasswords: { url: hunter2 }
`,
    faults: [
      { path: "nocobase-fleet:registries.url.address", says: ["host name or IP address"] },
      { path: "nocobase-fleet:registries.url.username", says: ["without a colon"] },
      { path: "nocobase-fleet:registryPasswords.url", says: ["never write a secret in plain text"] },
    ],
  },
  {
    name: "a registry on platform local",
    yaml: `config:
  nocobase-fleet:registries: { own: { address: registry.example.com, username: fleet } }
  nocobase-fleet:registryPasswords: { own: { secure: "v1:x" } }
`,
    faults: [{ path: "nocobase-fleet:registries", says: ["means nothing on platform local"] }],
  },
  {
    name: "digests that are none, and one that stands for every release",
    yaml: `${head}  nocobase-fleet:imageNames:
    nocobase: "nocobase/nocobase:{version}@${digest}"
    postgres: "postgres:15.18@sha256:abc"
    proxy: "caddy"
`,
    faults: [
      {
        path: "nocobase-fleet:imageNames.nocobase",
        says: ["one image whatever {version} stands for", `write the release in place of {version}`],
      },
      { path: "nocobase-fleet:imageNames.postgres", says: ["a tag, a digest or both"] },
      { path: "nocobase-fleet:imageNames.proxy", says: ["a tag, a digest or both"] },
    ],
  },
  {
    name: "one image for two releases",
    yaml: `${head}  nocobase-fleet:imageNames: { nocobase: "nocobase/nocobase:2.2.15@${digest}" }
  nocobase-fleet:environments: { blue: { release: { version: 2.2.16 } } }
`,
    faults: [
      {
        path: "nocobase-fleet:imageNames.nocobase",
        says: ["the releases 2.2.15, 2.2.16", "put {version}"],
      },
    ],
  },
  {
    name: "NocoBase's own supervisor on platform local",
    yaml: `config:
  nocobase-fleet:supervisor: official
  nocobase-fleet:environments: { blue: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:supervisor",
        says: ['"official" is not to be had on platform local', "allowed: open, none", "platform: docker"],
      },
    ],
  },
  {
    name: "this project's supervisor in images without its plugin",
    yaml: `config:
  nocobase-fleet:platform: docker
  nocobase-fleet:supervisor: open
  nocobase-fleet:environments: { blue: {} }
`,
    faults: [
      {
        path: "nocobase-fleet:supervisor",
        says: ["images of NocoBase's makers don't have", "write images: local"],
      },
    ],
  },
  {
    name: "NocoBase's own supervisor with nothing to control, and apps that it would make",
    yaml: `${head}  nocobase-fleet:supervisor: official
  nocobase-fleet:apps: { crm: {} }
  nocobase-fleet:licenses: { blue: { secure: "v1:x" } }
`,
    faults: [
      { path: "nocobase-fleet:supervisor", says: ["no environment is declared"] },
      { path: "nocobase-fleet:apps.crm.isolation", says: ["made in the entry app", "isolation: dedicated"] },
      { path: "nocobase-fleet:licenses.blue", says: ["neither to the entry app nor to an environment"] },
    ],
  },
  {
    name: "replicas of an entry app under NocoBase's own supervisor",
    yaml: `${head}  nocobase-fleet:supervisor: official
  nocobase-fleet:environments: { blue: {} }
  nocobase-fleet:entry: { replicas: 2 }
`,
    faults: [{ path: "nocobase-fleet:entry.replicas", says: ["2 is more than one", "remove it"] }],
  },
  {
    name: "a licence that nothing uses, and one in plain text",
    yaml: `${head}  nocobase-fleet:licenses: { entry: { secure: "v1:x" }, blue: "a-licence-key" }
  nocobase-fleet:environments: { blue: {} }
`,
    faults: [
      { path: "nocobase-fleet:licenses.entry", says: ["used by supervisor: official alone"] },
      { path: "nocobase-fleet:licenses.blue", says: ["never write a secret in plain text"] },
    ],
  },
];
