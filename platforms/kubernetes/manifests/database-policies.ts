/** Who may talk to the pods of a database server, and they to whom. */
import { postgresCluster } from "../../../plan/names";
import type { CloudnativepgServerPlan } from "../../../plan/types";
import { destination, namespaced, policy, toDns } from "./network-policies";
import type { Manifest, Place } from "./object";

const tcp = (port: number) => ({ protocol: "TCP", port });
const POSTGRES = tcp(5432);
/** Of the operator's program in each pod: it tells how the instance is. */
const STATUS = tcp(8000);
/** The API server's, within the cluster and behind its Service: policies can't name it. */
const API_SERVER = [tcp(443), tcp(6443)];
const HTTPS_PORT = 443;
const HTTP_PORT = 80;

const pods = { podSelector: { matchLabels: { "cnpg.io/cluster": postgresCluster } } };

/** @param users namespaces of the instances that reach the server */
export function serverPolicies(
  place: Place,
  server: CloudnativepgServerPlan,
  users: readonly string[],
): Manifest[] {
  const ports = [POSTGRES, STATUS];
  return [
    policy(place, "deny-all", { policyTypes: ["Ingress", "Egress"] }),
    policy(place, "from-instances", {
      policyTypes: ["Ingress"],
      ingress: [{ from: [...users].sort().map(namespaced), ports: [POSTGRES] }],
    }),
    policy(place, "from-operator", {
      policyTypes: ["Ingress"],
      ingress: [{ from: [namespaced(server.operatorNamespace)], ports }],
    }),
    policy(place, "within", {
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ from: [pods], ports }],
      egress: [{ to: [pods], ports }],
    }),
    toDns(place),
    policy(place, "to-api-server", { policyTypes: ["Egress"], egress: [{ ports: API_SERVER }] }),
    ...toObjectStores(place, server),
  ];
}

function toObjectStores(place: Place, { backups, recovery }: CloudnativepgServerPlan): Manifest[] {
  const egress = [backups, recovery].flatMap((store) => {
    if (!store) return [];
    if (store.endpoint === undefined) return [{ ports: [tcp(HTTPS_PORT)] }];
    const { hostname, port, protocol } = new URL(store.endpoint);
    const usual = protocol === "https:" ? HTTPS_PORT : HTTP_PORT;
    return [{ ...destination(hostname), ports: [tcp(port === "" ? usual : Number(port))] }];
  });
  return egress.length === 0 ? [] : [policy(place, "to-object-stores", { policyTypes: ["Egress"], egress })];
}
