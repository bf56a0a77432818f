/** What a benchmark found, and how it is shown. */

export interface Table {
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** A figure that was promised. */
export interface Check {
  what: string;
  measured: string;
  target: string;
  met: boolean;
}

export interface Report {
  title: string;
  tables: Table[];
  checks: Check[];
  /** One sentence or two each. */
  notes: string[];
}

/** Markdown, without the title. */
export function markdown({ tables, checks, notes }: Report): string {
  const parts = tables.map(tableText);
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  if (checks.length > 0) {
    const columns = ["target", "promised", "measured", ""];
    const rows = checks.map(({ what, measured, target, met }) => [
      what,
      target,
      measured,
      met ? "met" : "**missed**",
    ]);
    parts.push(tableText({ columns, rows }));
  }
  return parts.join("\n\n");
}

/** Columns of figures to the right, columns of words to the left. */
function tableText({ columns, rows }: Table): string {
  const rules = columns.map((_, index) =>
    rows.every((cells) => /^([×≤]? ?\d|–)/.test(cells[index] ?? "")) ? "---:" : "---",
  );
  return [columns, rules, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
