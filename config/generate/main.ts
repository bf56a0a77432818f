/**
 * Writes what follows from the schema: config/schema.json and docs/configuration.md.
 * With --check it writes nothing and exits 1 if one of them is not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { stackFileSchema } from "./json-schema";
import { referencePage } from "./reference";

const project = join(__dirname, "..", "..");

/** Absolute path → text of every generated file. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    [join(project, "config", "schema.json"), `${JSON.stringify(stackFileSchema(), undefined, 2)}\n`],
    [join(project, "docs", "configuration.md"), referencePage()],
  ]);
}

/** Those generated files that are missing or differ from what the schema says now. */
export function staleFiles(): string[] {
  return [...generatedFiles()].filter(([file, text]) => contentOf(file) !== text).map(([file]) => file);
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function main(args: readonly string[]): void {
  const stale = staleFiles();
  const names = stale.map((file) => relative(project, file)).join(", ");
  if (args.includes("--check")) {
    if (stale.length === 0) return;
    console.error(`not current: ${names}\nrun npm run generate and commit the result`);
    process.exitCode = 1;
    return;
  }
  const files = generatedFiles();
  for (const file of stale) writeFileSync(file, files.get(file) ?? "");
  console.log(stale.length === 0 ? "everything is current" : `written: ${names}`);
}

if (require.main === module) main(process.argv.slice(2));
