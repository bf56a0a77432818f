/** Nothing may talk to an instance's pods, nor they to anything, but what is said here. */
import { isIP } from "node:net";
import { isSupervised } from "../environment";
import { metadata, podSelector, type InstanceFacts, type Manifest, type Place } from "./object";

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  /** Of a server in the same cluster. */
  readonly namespace?: string;
}

const NAMESPACE_NAME = "kubernetes.io/metadata.name";
const DNS_PORTS = (["UDP", "TCP"] as const).map((protocol) => ({ protocol, port: 53 }));

/** Default-deny first; policies only ever add. */
export function networkPolicies(facts: InstanceFacts, databases: readonly DatabaseAddress[]): Manifest[] {
  const { cluster } = facts;
  const entrance = cluster.gatewayApi?.namespace ?? cluster.ingress.controllerNamespace;
  return [
    policy(facts, "deny-all", { policyTypes: ["Ingress", "Egress"] }),
    policy(facts, "from-ingress", {
      policyTypes: ["Ingress"],
      ingress: [{ from: [namespaced(entrance)], ports: [http] }],
    }),
    toDns(facts),
    toDatabases(facts, "to-database", databases),
    ...withinFleet(facts),
    ...(cluster.egress.length > 0 ? [beyond(facts)] : []),
  ];
}

/** Lets a namespace's pods look names up. */
export function toDns(place: Place): Manifest {
  return policy(place, "to-dns", {
    policyTypes: ["Egress"],
    egress: [{ to: [namespaced("kube-system")], ports: DNS_PORTS }],
  });
}

/** Lets a namespace's pods reach database servers. */
export function toDatabases(place: Place, name: string, databases: readonly DatabaseAddress[]): Manifest {
  const egress = databases.map(({ host, port, namespace }) => ({
    ...(namespace === undefined ? destination(host) : { to: [namespaced(namespace)] }),
    ports: [{ protocol: "TCP", port }],
  }));
  return policy(place, name, { policyTypes: ["Egress"], egress });
}

const http = { protocol: "TCP", port: "http" };

/** The entry app is the control plane, and passes requests on where it knows of all apps. */
function withinFleet(facts: InstanceFacts): Manifest[] {
  const { plan, stack } = facts;
  const instances = (kind: string) => ({
    ...namespaces({ "nocobase-fleet/stack": stack, "nocobase-fleet/kind": kind }),
    podSelector: { matchLabels: podSelector },
  });
  if (plan.kind === "entry") {
    // Every environment listens on a port of its own.
    const to = (kind: string) => ({ policyTypes: ["Egress"], egress: [{ to: [instances(kind)] }] });
    return [
      policy(facts, "to-environments", to("environment")),
      ...(isSupervised(plan) ? [policy(facts, "to-apps", to("app"))] : []),
    ];
  }
  if (plan.kind === "environment" || isSupervised(plan)) {
    return [
      policy(facts, "from-entry", {
        policyTypes: ["Ingress"],
        ingress: [{ from: [instances("entry")], ports: [http] }],
      }),
    ];
  }
  return [];
}

function beyond(facts: InstanceFacts): Manifest {
  const egress = facts.cluster.egress.map(({ cidr, port }) => ({
    to: [{ ipBlock: { cidr } }],
    ports: [{ protocol: "TCP", port }],
  }));
  return policy(facts, "to-outside", { policyTypes: ["Egress"], egress });
}

/** Policies know addresses only: a name may stand for any. */
export function destination(host: string): { to?: unknown[] } {
  const version = isIP(host);
  return version === 0 ? {} : { to: [{ ipBlock: { cidr: `${host}/${version === 4 ? 32 : 128}` } }] };
}

/** The namespace of that name. */
export function namespaced(name: string) {
  return namespaces({ [NAMESPACE_NAME]: name });
}

function namespaces(matchLabels: Record<string, string>) {
  return { namespaceSelector: { matchLabels } };
}

/** For all pods of the namespace. */
export function policy(facts: Place, name: string, spec: object): Manifest {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(facts, name),
    spec: { podSelector: {}, ...spec },
  };
}
