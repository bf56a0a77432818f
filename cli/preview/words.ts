/** Effects as sentences. */
import type { Effect, EffectKind } from "./effects";

const FATES: Readonly<Record<EffectKind, string>> = {
  lost: "deleted with its database and files",
  refused: "would be deleted with its database: refused, it is protected",
  backedUp: "removed, after a verified backup of its database and files",
  retained: "removed; its database and files stay in place",
  stopped: "stops",
  restart: "restarts",
  scaled: "scaled",
  moved: "moves with its data, and restarts",
  started: "starts",
  created: "created",
  changed: "changed in place",
};

/** `crm of acme: deleted with its database and files` */
export function sentence(effect: Effect, stack: string): string {
  const { kind, part, key, detail } = effect;
  const name = part === "app" ? key : part === key || part === "entry app" ? `the ${part}` : `${part} ${key}`;
  return `${name} of ${stack}: ${FATES[kind]}${detail === undefined ? "" : ` ${detail}`}`;
}

/** Kinds told one by one; of the others the number is enough. */
const NAMED: readonly EffectKind[] = ["lost", "refused", "backedUp", "retained", "scaled"];

const COUNTED: Readonly<Record<EffectKind, string>> = {
  ...FATES,
  lost: "deleted with data",
  refused: "refused, protected",
  backedUp: "removed after a backup",
  retained: "removed, data stays",
  stopped: "stop",
  restart: "restart",
  moved: "move",
  started: "start",
};

/** `3 apps restart; erp scaled 1 → 3; 2 apps created`; empty where nothing happens. */
export function headline(effects: readonly Effect[]): string {
  const parts: string[] = [];
  const counts = new Map<string, number>();
  for (const { kind, part, key, detail } of effects) {
    if (kind === "scaled") parts.push(`${key} ${kind} ${detail ?? ""}`);
    else {
      const id = `${part}\0${kind}`;
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  const counted = [...counts].map(([id, count]) => {
    const [part = "", kind = "changed"] = id.split("\0");
    const verb = COUNTED[kind as EffectKind];
    const single = count === 1 && /^(?:stop|restart|move|start)$/.test(verb) ? `${verb}s` : verb;
    return `${count} ${count === 1 ? part : `${part}s`} ${single}`;
  });
  return [...counted, ...parts].join("; ");
}

/** Effects told by name before everything else: what is lost, refused, removed or scaled, then what restarts. */
export function isNamed({ kind }: Effect): boolean {
  return NAMED.includes(kind) || kind === "restart" || kind === "moved" || kind === "stopped";
}
