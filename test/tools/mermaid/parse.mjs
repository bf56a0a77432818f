// Parses each Mermaid text of a JSON array on standard input; ends with 1 and the parser's words at the first fault.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// Mermaid cleans labels by means of a browser's document.
const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");
try {
  for (const text of JSON.parse(readFileSync(0, "utf8"))) await mermaid.parse(text);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
