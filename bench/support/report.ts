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
  const parts = tables.map(({ columns, rows }) =>
    [columns, columns.map((_, index) => (index === 0 ? "---" : "---:")), ...rows]
      .map((cells) => `| ${cells.join(" | ")} |`)
      .join("\n"),
  );
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  if (checks.length > 0) {
    const lines = checks.map(
      ({ what, measured, target, met }) =>
        `| ${what} | ${target} | ${measured} | ${met ? "met" : "**missed**"} |`,
    );
    parts.push(["| target | promised | measured | |", "| --- | ---: | ---: | --- |", ...lines].join("\n"));
  }
  return parts.join("\n\n");
}
