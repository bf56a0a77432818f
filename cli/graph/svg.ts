/** The fleet as an SVG picture: gateway, then processes with the apps they share, then database servers. */
import { appLabel, type Drawing, type Host, type Server, type SharedApp, type StackDrawing } from "./drawing";

const MARGIN = 20;
const GATEWAY = { x: 40, width: 160, height: 64 };
const HOST = { x: 270, width: 480, head: 40, padding: 12 };
const CHIP = { height: 26, gap: 8, columns: 3 };
const SERVER = { x: 850, width: 170, height: 60 };
const GAP = 16;
const HEADING = 48;
const WIDTH = SERVER.x + SERVER.width + 2 * MARGIN;
/** Apps named in one process; of the rest the number is told. */
const MOST_APPS = 30;
/** Characters that fit into a chip. */
const CHIP_TEXT = 21;
const SHORTEST_TENANT = 8;

const STYLE = `
    .stack { fill: #ffffff; stroke: #d5dbe5; }
    .gateway { fill: #fff6e5; stroke: #d99a1c; }
    .entry, .environment { fill: #eef4ff; stroke: #4c7df0; }
    .dedicated { fill: #e9f8ef; stroke: #2e9e5b; }
    .app { fill: #ffffff; stroke: #4c7df0; }
    .database { fill: #f3f4f7; stroke: #7b8698; }
    .stopped { stroke-dasharray: 4 3; }
    .line { stroke: #98a2b3; stroke-width: 1.5; fill: none; }
    .heading { font-size: 17px; font-weight: 650; fill: #1d2739; paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }
    .name { font-size: 13px; font-weight: 600; fill: #1d2739; }
    .small { font-size: 12px; fill: #3d4757; }
    .middle { text-anchor: middle; }`;

interface Point {
  x: number;
  y: number;
}

/** A whole SVG document. */
export function svgOf(drawing: Drawing): string {
  // A tenant all of whose apps are shared is named in its platform's frame.
  const stacks = drawing.stacks.filter(({ hosts, servers }) => hosts.length + servers.length > 0);
  const parts: string[] = [];
  const lines: string[] = [];
  /** Right edge of each gateway, by stack; left edge of each server, by id. */
  const gateways = new Map<string, Point>();
  const servers = new Map<string, Point>();
  const placed: { host: Host; stack: StackDrawing; y: number }[] = [];
  let y = MARGIN;
  for (const stack of stacks) {
    const height =
      HEADING + Math.max(column(stack.hosts.map(heightOf)), serversHeight(stack), minimum(stack));
    parts.push(rectangle("stack", { x: MARGIN, y }, WIDTH - 2 * MARGIN, height + GAP));
    parts.push(text("heading", { x: MARGIN + 20, y: y + 30 }, titleOf(stack)));
    const inner = height - HEADING;
    if (stack.gateway !== undefined) {
      const top = y + HEADING + (inner - GATEWAY.height) / 2;
      gateways.set(stack.name, { x: GATEWAY.x + GATEWAY.width, y: top + GATEWAY.height / 2 });
      parts.push(gateway({ x: GATEWAY.x, y: top }, stack.gateway));
    }
    let below = y + HEADING + (inner - column(stack.hosts.map(heightOf))) / 2;
    for (const host of stack.hosts) {
      parts.push(...hostBox(host, below));
      placed.push({ host, stack, y: below + heightOf(host) / 2 });
      below += heightOf(host) + GAP;
    }
    below = y + HEADING + (inner - serversHeight(stack)) / 2;
    for (const server of stack.servers) {
      servers.set(server.id, { x: SERVER.x, y: below + SERVER.height / 2 });
      parts.push(...serverShape(server, { x: SERVER.x, y: below }));
      below += SERVER.height + GAP;
    }
    y += height + GAP + MARGIN;
  }
  for (const { host, stack, y: middle } of placed) {
    const from = gateways.get(stack.platformStack ?? stack.name);
    if (from) lines.push(curve(from, { x: HOST.x, y: middle }));
    for (const id of host.servers) {
      const to = servers.get(id);
      if (to) lines.push(curve({ x: HOST.x + HOST.width, y: middle }, to));
    }
  }
  const names = stacks.map(({ name }) => name).join(", ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" role="img">`,
    `  <title>${escaped(`Fleet: ${names}`)}</title>`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect width="${WIDTH}" height="${y}" fill="#f8fafc"/>`,
    // Frames first, then lines, then what they lead to.
    ...[...parts.filter(isFrame), ...lines, ...parts.filter((part) => !isFrame(part))].map(
      (part) => `  ${part}`,
    ),
    "</svg>",
    "",
  ].join("\n");
}

function isFrame(part: string): boolean {
  return part.startsWith('<rect class="stack"');
}

function titleOf({ name, platformStack }: StackDrawing): string {
  return platformStack === undefined ? name : `${name}, tenant of ${platformStack}`;
}

function minimum({ gateway: address, hosts }: StackDrawing): number {
  return address !== undefined ? GATEWAY.height : hosts.length === 0 ? 0 : HOST.head;
}

function serversHeight({ servers }: StackDrawing): number {
  return column(servers.map(() => SERVER.height));
}

function column(heights: readonly number[]): number {
  return heights.reduce((sum, height) => sum + height, 0) + GAP * Math.max(0, heights.length - 1);
}

function heightOf({ apps }: Host): number {
  const rows = Math.ceil(Math.min(apps.length, MOST_APPS) / CHIP.columns);
  return HOST.head + (rows === 0 ? 0 : rows * (CHIP.height + CHIP.gap) - CHIP.gap + HOST.padding);
}

function hostBox(host: Host, y: number): string[] {
  const { label, kind, replicas, apps, stopped } = host;
  const notes = [kind === "dedicated" ? "dedicated" : "", replicas > 1 ? `${replicas} replicas` : ""];
  if (stopped) notes.push("stopped");
  const note = notes.filter((each) => each !== "").join(", ");
  const parts = [
    rectangle(`${kind}${stopped ? " stopped" : ""}`, { x: HOST.x, y }, HOST.width, heightOf(host)),
    text("name", { x: HOST.x + HOST.padding, y: y + 25 }, label),
    `<text class="small" x="${HOST.x + HOST.width - HOST.padding}" y="${y + 25}" text-anchor="end">${escaped(note)}</text>`,
  ];
  const width = (HOST.width - 2 * HOST.padding - (CHIP.columns - 1) * CHIP.gap) / CHIP.columns;
  for (const [index, app] of apps.slice(0, MOST_APPS).entries()) {
    const at = {
      x: HOST.x + HOST.padding + (index % CHIP.columns) * (width + CHIP.gap),
      y: y + HOST.head + Math.floor(index / CHIP.columns) * (CHIP.height + CHIP.gap),
    };
    const last = index === MOST_APPS - 1 && apps.length > MOST_APPS;
    const words = last ? `… ${apps.length - MOST_APPS + 1} more` : chipText(app);
    parts.push(
      rectangle(`app${!last && app.stopped ? " stopped" : ""}`, at, width, CHIP.height, 6),
      text("small middle", { x: at.x + width / 2, y: at.y + 17 }, words),
    );
  }
  return parts;
}

/** A long name loses the tenant's end before the app's own. */
function chipText(app: SharedApp): string {
  const { tenant, key } = app;
  if (tenant === undefined) return cut(key, CHIP_TEXT);
  const room = Math.max(SHORTEST_TENANT, CHIP_TEXT - appLabel({ ...app, tenant: "" }).length);
  return cut(appLabel({ ...app, tenant: cut(tenant, room) }), CHIP_TEXT);
}

function gateway({ x, y }: Point, address: string): string {
  return [
    rectangle("gateway", { x, y }, GATEWAY.width, GATEWAY.height),
    text("name middle", { x: x + GATEWAY.width / 2, y: y + 28 }, "gateway"),
    text("small middle", { x: x + GATEWAY.width / 2, y: y + 46 }, cut(address, 26)),
  ].join("");
}

function serverShape({ label, kind }: Server, { x, y }: Point): string[] {
  const [width, height, lid] = [SERVER.width, SERVER.height, 9];
  return [
    `<path class="database" d="M${x},${y + lid} v${height - 2 * lid} a${width / 2},${lid} 0 0 0 ${width},0 v-${height - 2 * lid}"/>`,
    `<ellipse class="database" cx="${x + width / 2}" cy="${y + lid}" rx="${width / 2}" ry="${lid}"/>`,
    text("name middle", { x: x + width / 2, y: y + 34 }, cut(label, 24)),
    text("small middle", { x: x + width / 2, y: y + 50 }, kind),
  ];
}

function curve(from: Point, to: Point): string {
  const bend = (from.x + to.x) / 2;
  return `<path class="line" d="M${from.x},${from.y} C${bend},${from.y} ${bend},${to.y} ${to.x},${to.y}"/>`;
}

function rectangle(name: string, { x, y }: Point, width: number, height: number, radius = 10): string {
  return `<rect class="${name}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}"/>`;
}

function text(name: string, { x, y }: Point, words: string): string {
  return `<text class="${name}" x="${round(x)}" y="${round(y)}">${escaped(words)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function cut(words: string, most: number): string {
  return words.length <= most ? words : `${words.slice(0, most - 1)}…`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
