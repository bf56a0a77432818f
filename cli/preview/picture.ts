/** The change of a fleet as a Mermaid picture. */
import type { StackResult } from "../stacks/operation";
import type { EffectKind } from "./effects";

const CLASSES: Readonly<Record<EffectKind, "gone" | "restarts" | "added" | "edited">> = {
  lost: "gone",
  refused: "gone",
  backedUp: "gone",
  retained: "gone",
  stopped: "restarts",
  restart: "restarts",
  scaled: "edited",
  moved: "restarts",
  started: "added",
  created: "added",
  changed: "edited",
};

const STYLES = [
  "classDef gone fill:#fdd,stroke:#b00,color:#600",
  "classDef restarts fill:#fe9,stroke:#a70,color:#530",
  "classDef added fill:#dfd,stroke:#080,color:#040",
  "classDef edited fill:#def,stroke:#06a,color:#034",
];

/** What each stack's parts come to, with the platform of each tenant; as many as there is room for, in bytes. */
export function changePicture(results: readonly StackResult[], room: number): string {
  const lines = ["```mermaid", "flowchart LR"];
  const end = [...STYLES.map((style) => `  ${style}`), "```"];
  let used = Buffer.byteLength([...lines, ...end].join("\n")) + 100;
  let left = 0;
  for (const { stack, platformStack, effects } of results) {
    const id = (name: string) => `s_${Buffer.from(name).toString("hex")}`;
    const part = [
      `  ${id(stack)}[${label(stack)}]`,
      ...(platformStack === undefined
        ? []
        : [`  ${id(platformStack)}[${label(platformStack)}] --> ${id(stack)}`]),
      ...effects.map(
        ({ part: kind, key, kind: effect, detail }) =>
          `  ${id(stack)} --> ${id(`${stack}/${kind}/${key}`)}([${label(`${kind === key ? kind : `${kind} ${key}`}${detail === undefined ? "" : ` ${detail}`}`)}]):::${CLASSES[effect]}`,
      ),
    ];
    const size = Buffer.byteLength(part.join("\n")) + 1;
    if (used + size > room) left++;
    else {
      used += size;
      lines.push(...part);
    }
  }
  const note = left > 0 ? [`  more[${label(`… ${left} more stacks`)}]`] : [];
  return ["<details><summary>Picture</summary>\n", ...lines, ...note, ...end, "\n</details>"].join("\n");
}

/** Quotes end a label, whatever they are escaped with. */
function label(text: string): string {
  return `"${text.replace(/["\\<>`]/g, "'")}"`;
}
