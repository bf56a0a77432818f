/** The fleet as a Mermaid flowchart, as GitHub and others draw it inside Markdown. */
import { appLabel, type Drawing, type Host } from "./drawing";

const STYLES = [
  "classDef gateway fill:#fff6e5,stroke:#d99a1c,color:#1d2739",
  "classDef process fill:#eef4ff,stroke:#4c7df0,color:#1d2739",
  "classDef dedicated fill:#e9f8ef,stroke:#2e9e5b,color:#1d2739",
  "classDef database fill:#f3f4f7,stroke:#7b8698,color:#1d2739",
  "classDef stopped stroke-dasharray:4",
];

/** Apps named in one node; of the rest the number is told. */
const MOST_APPS = 24;
const CLASSES = { entry: "process", environment: "process", dedicated: "dedicated" } as const;

/** Without a fence. */
export function mermaidOf({ stacks }: Drawing): string {
  const lines = ["flowchart LR"];
  const links: string[] = [];
  for (const stack of stacks) {
    const title = stack.platformStack === undefined ? stack.name : `tenant ${stack.name}`;
    const nodes: string[] = [];
    if (stack.gateway !== undefined) {
      nodes.push(`${id(`${stack.name}/gateway`)}{{${label(["gateway", stack.gateway])}}}:::gateway`);
    }
    for (const host of stack.hosts) {
      nodes.push(`${id(host.id)}[${label(hostLines(host))}]:::${CLASSES[host.kind]}`);
      if (host.stopped) nodes.push(`class ${id(host.id)} stopped`);
      const gateway = stack.gateway === undefined ? stack.platformStack : stack.name;
      const drawn = stacks.some(({ name, gateway: address }) => name === gateway && address !== undefined);
      if (gateway !== undefined && drawn) links.push(`${id(`${gateway}/gateway`)} --> ${id(host.id)}`);
      links.push(...host.servers.map((server) => `${id(host.id)} --> ${id(server)}`));
    }
    for (const server of stack.servers) {
      nodes.push(`${id(server.id)}[(${label([server.label, server.kind])})]:::database`);
    }
    if (nodes.length === 0) continue;
    lines.push(`  subgraph ${id(`${stack.name}/stack`)}[${label([title])}]`);
    lines.push(...nodes.map((node) => `    ${node}`), "  end");
  }
  return [...lines, ...[...links, ...STYLES].map((line) => `  ${line}`), ""].join("\n");
}

function hostLines({ label, replicas, apps }: Host): string[] {
  const shown = apps.slice(0, MOST_APPS).map((app) => `${appLabel(app)}${app.stopped ? " (stopped)" : ""}`);
  const left = apps.length - shown.length;
  return [
    `${label}${replicas > 1 ? `, ${replicas} replicas` : ""}`,
    ...shown,
    ...(left > 0 ? [`… ${left} more`] : []),
  ];
}

/** Mermaid's ids know few characters, and some words are its own. */
function id(name: string): string {
  return `n_${Buffer.from(name).toString("hex")}`;
}

/** Quotes end a label, whatever they are escaped with. */
function label(lines: readonly string[]): string {
  return `"${lines.map((line) => line.replace(/["\\<>`&#]/g, "'")).join("<br>")}"`;
}
