/** A preview as one Markdown page: what matters first, and small enough for a comment on a pull request. */
import type { StackResult } from "../stacks/operation";
import { kinds, losesData, type Effect, type EffectKind } from "./effects";
import { changePicture } from "./picture";
import { isForbidden, violationLine } from "./policies";
import { headline, isNamed, sentence } from "./words";

/** GitHub takes comments of at most 65,536 characters; counted here in bytes, which are never fewer. */
export const MOST_BYTES = 65_000;
/** The first line, by which a later run finds the comment that it is to update. */
export const MARKER = "<!-- nocobase-fleet preview -->";

const NAMED_BYTES = 14_000;
const POLICY_BYTES = 6_000;
const FAILED_BYTES = 12_000;
const TABLE_BYTES = 12_000;
const PICTURE_BYTES = 6_000;

export interface PageContext {
  /** Why these stacks. */
  reason: string;
  /** Stacks whose file is gone. */
  gone?: readonly string[];
}

/** The page. Every part has its own share of the room, so that none can crowd out what comes before it. */
export function previewMarkdown(results: readonly StackResult[], { reason, gone = [] }: PageContext): string {
  const all = results
    .flatMap(({ stack, effects }) => effects.map((effect) => ({ effect, stack })))
    .sort((a, b) => kinds.indexOf(a.effect.kind) - kinds.indexOf(b.effect.kind));
  const gravity = ({ effects }: StackResult) => Math.min(...effects.map(({ kind }) => kinds.indexOf(kind)));
  const changed = results
    .filter(({ changes }) => Object.keys(changes).length > 0)
    .sort((a, b) => (gravity(a) < gravity(b) ? -1 : gravity(a) > gravity(b) ? 1 : 0));
  const head = [
    MARKER,
    `## ${title(results)}`,
    "",
    `${results.length} stacks previewed (${reason}); ${changed.length} would change.`,
  ];
  const words = headline(all.map(({ effect }) => effect));
  if (words !== "") head.push("", `**${words}**`);
  if (gone.length > 0) {
    head.push(
      "",
      `Stack files that are gone, while what they declared still runs: ${gone.map(code).join(", ")}.`,
    );
  }
  const named = all.filter(({ effect }) => isNamed(effect));
  const bullets = named.map(
    ({ effect, stack }) =>
      `- ${grave(effect) ? "**" : ""}${sentence(effect, stack)}${grave(effect) ? "**" : ""}`,
  );
  const sections = [
    head.join("\n"),
    section("### Lost, refused, restarted", bullets, NAMED_BYTES),
    section("### Policies", results.flatMap(policyLines), POLICY_BYTES),
    section("### Failed", results.filter(({ ok }) => !ok).map(failure), FAILED_BYTES),
    table(changed),
  ];
  const picture = changed.length === 0 ? "" : changePicture(changed, PICTURE_BYTES);
  const used = bytes([...sections, picture].join("\n\n"));
  sections.push(details(changed, MOST_BYTES - used - 200), picture);
  return `${sections.filter((each) => each !== "").join("\n\n")}\n`;
}

function title(results: readonly StackResult[]): string {
  if (results.some(({ effects }) => losesData(effects))) return "Fleet preview: data would be lost";
  if (results.some(({ violations }) => isForbidden(violations))) return "Fleet preview: policies forbid it";
  if (results.some(({ ok }) => !ok)) return "Fleet preview: failed";
  return results.some(({ changes }) => Object.keys(changes).length > 0)
    ? "Fleet preview: no data would be lost"
    : "Fleet preview: no changes";
}

function grave({ kind }: Effect): boolean {
  return kind === "lost" || kind === "refused";
}

function policyLines({ stack, violations }: StackResult): string[] {
  return [...violations]
    .sort((a, b) => Number(b.mandatory) - Number(a.mandatory))
    .map(
      (each) => `- ${each.mandatory ? "forbidden" : "advice"}, ${code(stack)}: ${code(violationLine(each))}`,
    );
}

function failure({ stack, error = "" }: StackResult): string {
  const text = error.length > 1500 ? `${error.slice(0, 1500)}…` : error;
  // A fence longer than any in the text, which may come from a pull request's author.
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `${code(stack)}:\n${fence}text\n${text}\n${fence}`;
}

const COLUMNS: readonly (readonly [string, readonly EffectKind[]])[] = [
  ["lost or refused", ["lost", "refused"]],
  ["removed, kept safe", ["backedUp", "retained"]],
  ["restart or stop", ["restart", "moved", "stopped", "scaled"]],
  ["created", ["created", "started"]],
  ["changed", ["changed"]],
];

function table(changed: readonly StackResult[]): string {
  if (changed.length === 0) return "";
  const rows = changed.map(({ stack, effects, steps }) => {
    const cells = COLUMNS.map(([, kinds]) => {
      const keys = effects.filter(({ kind }) => kinds.includes(kind)).map(({ key }) => key);
      return keys.length > 8 ? `${keys.slice(0, 8).join(", ")} and ${keys.length - 8} more` : keys.join(", ");
    });
    return `| ${[code(stack), ...cells, String(steps.length)].join(" | ")} |`;
  });
  const header = ["stack", ...COLUMNS.map(([name]) => name), "resources"];
  return section(
    ["### By stack", "", `| ${header.join(" | ")} |`, `|${" --- |".repeat(header.length)}`].join("\n"),
    rows,
    TABLE_BYTES,
  );
}

const SIGNS: Readonly<Record<string, string>> = { create: "+", delete: "-", update: "~", replace: "±" };

/** Resource by resource, folded; property names only, since values may be secret. */
function details(changed: readonly StackResult[], room: number): string {
  const blocks = changed.map(({ stack, steps }) => {
    const lines = steps
      .filter(({ type }) => !type.startsWith("pulumi:"))
      .map(({ op, name, type, paths }) => {
        const what = paths.length > 0 && op !== "create" && op !== "delete" ? `: ${paths.join(", ")}` : "";
        return `${SIGNS[op] ?? "!"} ${name} (${type.split(":").at(-1) ?? type})${what}`.replaceAll("`", "'");
      });
    return `**${stack}**\n\`\`\`diff\n${lines.join("\n")}\n\`\`\``;
  });
  if (blocks.length === 0) return "";
  const open = "<details><summary>Resources</summary>\n";
  return `${section(open, blocks, room - bytes("</details>") - 2)}\n\n</details>`;
}

/** A heading and as many items as there is room for; says how many it left out. Empty where there are none. */
function section(heading: string, items: readonly string[], room: number): string {
  if (items.length === 0) return "";
  const lines = [heading, ...(heading.startsWith("### By") ? [] : [""])];
  let used = bytes(lines.join("\n"));
  for (const [index, item] of items.entries()) {
    used += bytes(item) + 1;
    if (used > room - 40) {
      lines.push("", `… and ${items.length - index} more`);
      break;
    }
    lines.push(item);
  }
  return lines.join("\n");
}

function code(text: string): string {
  return `\`${text.replaceAll("`", "'")}\``;
}

function bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}
