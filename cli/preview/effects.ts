/** What a preview's steps mean for the people who use the fleet. Pure. */
import type { Step } from "./steps";

/** From what matters most to what matters least. */
export const kinds = [
  "lost",
  "refused",
  "backedUp",
  "retained",
  "stopped",
  "restart",
  "scaled",
  "moved",
  "started",
  "created",
  "changed",
] as const;
export type EffectKind = (typeof kinds)[number];

/** A part of a stack. */
export interface PartName {
  /** `app`, `environment`, `entry app`, `database server`, `gateway`. */
  part: string;
  /** Its key; for the entry app and the gateway their own names. */
  key: string;
}

/** What happens to one part. */
export interface Effect extends PartName {
  kind: EffectKind;
  /** For `scaled`: `1 → 3`. */
  detail?: string;
}

/** Effects that take data away, or that the engine will refuse since they would. */
export function losesData(effects: readonly Effect[]): boolean {
  return effects.some(({ kind }) => kind === "lost" || kind === "refused");
}

const PARTS: Readonly<Record<string, string>> = {
  "nocobase-fleet:index:BusinessApp": "app",
  "nocobase-fleet:index:RuntimeEnvironment": "environment",
  "nocobase-fleet:index:EntryApp": "entry app",
  "nocobase-fleet:index:DatabaseServer": "database server",
  "nocobase-fleet:index:Gateway": "gateway",
};

/** Types whose change by one of these properties starts the process anew. */
const RESTARTING: Readonly<Record<string, RegExp>> = {
  "nocobase-local:index:Instance":
    /^(?:release|host|port|database|env|secretEnv|heapLimitMiB|hostsApps|key)\b/,
  "nocobase-local:index:PostgresServer": /^(?:port|maxConnections)\b/,
  "nocobase-local:index:Gateway": /^(?:host|port)\b/,
};
const DATABASE = "postgresql:index/database:Database";

interface Part extends PartName {
  own: Step;
  steps: Step[];
}

/**
 * One or more effects for each part that changes, the gravest first.
 *
 * @param refused parts whose removal their protection refuses
 */
export function effectsOf(steps: readonly Step[], refused: readonly PartName[] = []): Effect[] {
  const isRefused = (name: PartName) =>
    refused.some(({ part, key }) => part === name.part && key === name.key);
  const effects = partsOf(steps).flatMap(({ part, key, own, steps: inside }): Effect[] => {
    const of = (kind: EffectKind, detail?: string): Effect => ({ kind, part, key, detail });
    // A server that the stack doesn't run is but an address: its provider alone comes or goes.
    if (part === "database server" && inside.every((step) => step === own || isProvider(step))) return [];
    if (own.op === "create") return [of("created")];
    if (own.op === "delete") return [of(isRefused({ part, key }) ? "refused" : removal(inside))];
    const found = inside.flatMap((step) => changes(step)).map(({ kind, detail }) => of(kind, detail));
    const moved = found.some(({ kind }) => kind === "moved");
    // A move starts the app anew by itself.
    const told = moved ? found.filter(({ kind }) => kind !== "restart" && kind !== "changed") : found;
    return atMostOnce(told);
  });
  const told = (name: PartName) => effects.some(({ part, key }) => part === name.part && key === name.key);
  // The engine may have stopped before it came to them.
  effects.push(
    ...refused.filter((name) => !told(name)).map((name): Effect => ({ ...name, kind: "refused" })),
  );
  return effects.sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || compare(a.key, b.key));
}

function isProvider({ type }: Step): boolean {
  return type.startsWith("pulumi:providers:");
}

function removal(steps: readonly Step[]): EffectKind {
  const policy = steps.find(({ before }) => before.deletion !== undefined)?.before.deletion;
  if (policy === "backup") return "backedUp";
  if (policy === "retain") return "retained";
  const data = policy !== undefined || steps.some(({ type, op }) => type === DATABASE && op === "delete");
  return data ? "lost" : "stopped";
}

function changes(step: Step): { kind: EffectKind; detail?: string }[] {
  const { op, type, paths, before, after } = step;
  if (op === "same" || op === "read" || step.type in PARTS) return [];
  if (type === DATABASE && (op === "replace" || op === "delete")) return [{ kind: "lost" }];
  if (type === "postgresql:index/grant:Grant" && op === "replace") return [{ kind: "moved" }];
  if (before.replicas !== undefined && after.replicas !== undefined && before.replicas !== after.replicas) {
    return [{ kind: "scaled", detail: `${before.replicas} → ${after.replicas}` }];
  }
  if (before.state !== after.state && before.state !== undefined && after.state !== undefined) {
    return [{ kind: after.state === "stopped" ? "stopped" : "started" }];
  }
  const restarting = Object.hasOwn(RESTARTING, type) ? RESTARTING[type] : undefined;
  if (op === "replace" && restarting) return [{ kind: "restart" }];
  if (restarting && paths.some((path) => restarting.test(path))) return [{ kind: "restart" }];
  // The provider found it down: the update starts it.
  if (paths.includes("running")) return [{ kind: "started" }];
  return [{ kind: "changed" }];
}

/** Parts with the steps of everything below them. */
function partsOf(steps: readonly Step[]): Part[] {
  const byUrn = new Map(steps.map((step) => [step.urn, step]));
  const parts = new Map<string, Part>();
  for (const step of steps) {
    let owner: Step | undefined = step;
    while (owner && !(owner.type in PARTS)) {
      owner = owner.parent === undefined ? undefined : byUrn.get(owner.parent);
    }
    if (!owner) continue;
    const known = parts.get(owner.urn);
    const part = known ?? { part: PARTS[owner.type] ?? "", key: owner.name, own: owner, steps: [] };
    part.steps.push(step);
    parts.set(owner.urn, part);
  }
  return [...parts.values()];
}

function atMostOnce(effects: readonly Effect[]): Effect[] {
  const seen = new Set<string>();
  const graver = effects.filter(({ kind, detail }) => {
    const id = `${kind} ${detail ?? ""}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
  // "Changed" says nothing that a graver word doesn't say better.
  return graver.length > 1 ? graver.filter(({ kind }) => kind !== "changed") : graver;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
