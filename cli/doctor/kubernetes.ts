/** The checks of `fleet doctor` for the kubernetes platform. Each only reads. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";
import { instancesOf } from "../../plan/instances";
import type { CloudnativepgServerPlan, FleetPlan } from "../../plan/types";
import { Cluster } from "../../toolchain/plugins/kubernetes/api/cluster";
import { clusterConfig } from "../../toolchain/plugins/kubernetes/config";
import { PROJECT_DIR } from "../../toolchain/locations";
import type { Finding } from "./checks";

const ROLE = path.join(PROJECT_DIR, "platforms", "kubernetes", "deployer-role.yaml");
/** How long a cluster that doesn't answer is asked again, milliseconds. */
const PATIENCE_MS = 5_000;
/** For the kubelet's and the API server's fields that manifests use. */
const OLDEST_MINOR = 29;
const GATEWAY_API = "gateway.networking.k8s.io";
const POSTGRES_OPERATOR = "postgresql.cnpg.io";
const BACKUP_PLUGIN = "barmancloud.cnpg.io";
const OPERATOR = {
  title: "CloudNativePG",
  apiVersion: `${POSTGRES_OPERATOR}/v1`,
  kinds: ["Cluster", "Database", "DatabaseRole", "ScheduledBackup"],
  fix: "have an administrator install the CloudNativePG operator, release 1.30 or later: by Helm's chart cloudnative-pg, or kubectl apply --server-side with the release's manifest",
};
const PLUGIN = {
  title: "Barman Cloud plugin",
  apiVersion: `${BACKUP_PLUGIN}/v1`,
  kinds: ["ObjectStore"],
  fix: "have an administrator install CloudNativePG's Barman Cloud plugin beside the operator: backups and recovery go through it",
};

interface Right {
  group: string;
  resource: string;
  verb: string;
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** Each cluster of the fleet: whether it answers, and whether whoever asks may do what a fleet needs. */
export async function checkKubernetes(plan: FleetPlan): Promise<Finding[]> {
  const contexts = new Set(
    instancesOf(plan).map(({ placement }) => placement?.context ?? plan.kubernetes?.context ?? ""),
  );
  const findings = await Promise.all(
    [...contexts].sort().map(async (context): Promise<Finding[]> => {
      const check = context === "" ? "cluster" : `cluster ${context}`;
      try {
        const { config } = clusterConfig({ kubeconfig: process.env.KUBECONFIG, context });
        const cluster = new Cluster(config, PATIENCE_MS);
        return [
          await checkVersion(check, cluster),
          await checkRights(check, cluster, plan),
          ...(await checkOperators(check, cluster, plan, context)),
        ];
      } catch (error) {
        const found = error instanceof Error ? error.message : String(error);
        return [{ check, result: "fail", found, fix: "set KUBECONFIG, or name another `context`" }];
      }
    }),
  );
  return findings.flat();
}

async function checkVersion(check: string, cluster: Cluster): Promise<Finding> {
  const { gitVersion, minor } = await cluster.client.request({ method: "GET", path: "/version" });
  const found = `Kubernetes ${String(gitVersion)} at ${cluster.address}`;
  if (Number.parseInt(String(minor), 10) >= OLDEST_MINOR) return { check, result: "ok", found };
  return { check, result: "fail", found, fix: `use Kubernetes 1.${OLDEST_MINOR} or later` };
}

async function checkRights(check: string, cluster: Cluster, plan: FleetPlan): Promise<Finding> {
  const wanted = rights(plan);
  const lacking = await Promise.all(
    wanted.map(async (right) => ((await isAllowed(cluster, right)) ? [] : [right])),
  );
  const missing = lacking.flat().map(({ group, resource, verb }) => {
    return `${verb} ${resource}${group === "" ? "" : `.${group}`}`;
  });
  const name = `${check}: rights`;
  if (missing.length === 0) return { check: name, result: "ok", found: `all ${wanted.length} of a deployer` };
  const fix = "bind platforms/kubernetes/deployer-role.yaml to whoever the kubeconfig signs in";
  return { check: name, result: "fail", found: `missing: ${missing.join(", ")}`, fix };
}

/** One by one, as the deployer's role has them. */
function rights(plan: FleetPlan): Right[] {
  const { rules } = parse(readFileSync(ROLE, "utf8")) as { rules: Rule[] };
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
      ),
    )
    .filter(({ group }) => isUsed(group, plan));
}

/** Whether a fleet works with what an operator brings: others aren't asked for. */
function isUsed(group: string, plan: FleetPlan): boolean {
  const operated = operatedServers(plan);
  switch (group) {
    case GATEWAY_API:
      return plan.kubernetes?.gatewayApi !== undefined;
    case POSTGRES_OPERATOR:
      return operated.length > 0;
    case BACKUP_PLUGIN:
      return operated.some(({ backups, recovery }) => backups ?? recovery);
    default:
      return true;
  }
}

function operatedServers({ databaseServers }: FleetPlan): CloudnativepgServerPlan[] {
  return Object.values(databaseServers).flatMap((each) => (each.kind === "cloudnativepg" ? [each] : []));
}

/** What must be installed for the database servers of this cluster, by the kinds that it brings. */
async function checkOperators(
  check: string,
  cluster: Cluster,
  plan: FleetPlan,
  context: string,
): Promise<Finding[]> {
  const servers = operatedServers(plan).filter(
    (server) => (server.context ?? plan.kubernetes?.context ?? "") === context,
  );
  const [server] = servers;
  if (!server) return [];
  const stored = servers.some(({ backups, recovery }) => backups ?? recovery);
  const wanted = stored ? [OPERATOR, PLUGIN] : [OPERATOR];
  return await Promise.all(
    wanted.map(async ({ title, apiVersion, kinds, fix }): Promise<Finding> => {
      const lacking = [];
      for (const kind of kinds) if (!(await cluster.kinds.has(apiVersion, kind))) lacking.push(kind);
      const name = `${check}: ${title}`;
      if (lacking.length === 0) return { check: name, result: "ok", found: `${apiVersion} is served` };
      return { check: name, result: "fail", found: `no ${lacking.join(", ")} in ${apiVersion}`, fix };
    }),
  );
}

async function isAllowed(cluster: Cluster, { group, resource, verb }: Right): Promise<boolean> {
  const [name, subresource] = resource.split("/");
  const review = await cluster.client.request({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { group, resource: name, subresource, verb } },
    },
  });
  return (review.status as { allowed?: boolean } | undefined)?.allowed === true;
}
