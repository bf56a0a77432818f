/** Providers that answer at once and do nothing: what is left of an `up` is the engine's and the program's own work. */
import { randomBytes } from "node:crypto";
import type { Props, ProviderDefinition, ResourceHandler } from "../../providers/kit/types";

/** What a resource has beyond its inputs, as the real plugins answer: the state shall have the real one's size. */
type Answer = (inputs: Props, name: string) => Props;

const random: Record<string, Answer> = {
  "random:index/randomPassword:RandomPassword": ({ length }) => ({
    __pulumi_raw_state_delta: { obj: { ps: { keepers: null, overrideSpecial: null } } },
    bcryptHash: "x".repeat(60),
    result: randomBytes(Number(length)).toString("hex").slice(0, Number(length)),
    ...{ lower: true, upper: true, number: true, numeric: true },
    ...{ minLower: 0, minUpper: 0, minNumeric: 0, minSpecial: 0 },
  }),
};

const postgresql: Record<string, Answer> = {
  "postgresql:index/role:Role": () => ({
    __pulumi_raw_state_delta: { obj: { renamed: { searchPaths: "search_path" } } },
    ...{ bypassRowLevelSecurity: false, createDatabase: false, createRole: false, encryptedPassword: true },
    ...{ idleInTransactionSessionTimeout: 0, inherit: true, replication: false, skipDropRole: false },
    ...{ skipReassignOwned: false, statementTimeout: 0, superuser: false, validUntil: "infinity" },
    ...{ assumeRole: "", passwordWo: "" },
  }),
  "postgresql:index/database:Database": () => ({
    __pulumi_raw_state_delta: { obj: {} },
    ...{ allowConnections: true, alterObjectOwnership: false, connectionLimit: -1, isTemplate: false },
    tablespaceName: "pg_default",
  }),
  "postgresql:index/grant:Grant": () => ({ __pulumi_raw_state_delta: { obj: {} }, withGrantOption: false }),
};

const local: Record<string, Answer> = {
  "nocobase-local:index:PostgresServer": () => ({ host: "127.0.0.1", version: "15.0", running: true }),
  "nocobase-local:index:Release": () => ({ installed: true }),
  "nocobase-local:index:AppFiles": ({ name }) => ({
    path: `/srv/fleet/files/${String(name)}`,
    linked: true,
  }),
  "nocobase-local:index:Instance": ({ host, port }) => ({
    url: `http://${String(host)}:${Number(port)}`,
    running: true,
  }),
  "nocobase-local:index:TenantRoutes": () => ({}),
  "nocobase-local:index:Gateway": ({ domain, port }) => ({
    url: `http://${String(domain)}:${Number(port)}`,
    running: true,
  }),
};

const nocobase: Record<string, Answer> = {
  "nocobase:index:Application": ({ host, name }) => ({
    url: `${String((host as Props).url)}/apps/${String(name)}/`,
  }),
  "nocobase:index:Declaration": () => ({}),
};

/** Outputs that are secrets although no input of their name was, by type. */
const secretOutputs: Record<string, string[]> = {
  "random:index/randomPassword:RandomPassword": ["__pulumi_raw_state_delta"],
  "postgresql:index/role:Role": ["passwordWo"],
};

function handler(type: string, answer: Answer): ResourceHandler {
  const outputs = (inputs: Props, name: string) => ({ ...answer(inputs, name), ...inputs });
  return {
    secretOutputs: secretOutputs[type],
    create: (inputs, { name }) => Promise.resolve({ id: name, outputs: outputs(inputs, name) }),
    update: (_id, olds, news) => Promise.resolve({ ...olds, ...news }),
  };
}

/** The packages that a fleet on the local platform is made with, each as a provider that does nothing. */
export const instantPackages = { random, postgresql, "nocobase-local": local, nocobase };

export type InstantPackage = keyof typeof instantPackages;

/** Definition of one of them, under a version that the engine asks for. */
export function instantDefinition(name: InstantPackage, version: string): ProviderDefinition {
  const answers: Record<string, Answer> = instantPackages[name];
  return {
    name,
    version,
    schema: JSON.stringify({ name, version }),
    resources: Object.fromEntries(
      Object.entries(answers).map(([type, answer]) => [type, handler(type, answer)]),
    ),
  };
}
