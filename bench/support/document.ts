/** Results in docs/benchmarks.md: one section for each benchmark, between markers. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as prettier from "prettier";
import { PROJECT_DIR } from "../../toolchain/locations";
import { pinnedEngineVersion } from "../../toolchain/versions";
import { markdown, type Report } from "./report";

const DOCUMENT = path.join(PROJECT_DIR, "docs", "benchmarks.md");

/** What the figures were taken on, in one line, and how busy it was. */
export function machine(): string {
  const [cpu] = os.cpus();
  const load = os.loadavg()[1] ?? 0;
  return [
    new Date().toISOString().slice(0, 10),
    `${os.cpus().length} × ${cpu?.model.trim() ?? "unknown processor"}`,
    `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `${os.type()} ${os.release().split("-")[0] ?? ""}`,
    `Node ${process.versions.node}`,
    `engine ${pinnedEngineVersion(PROJECT_DIR)}`,
    `load average over 5 minutes ${load.toFixed(1)}`,
  ].join(", ");
}

/** Replaces what stands between a benchmark's markers. @throws Error where the document has none for it */
export async function writeSection(name: string, report: Report & { measuredOn: string }): Promise<void> {
  const text = fs.readFileSync(DOCUMENT, "utf8");
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for ${name}: ${begin} … ${end}`);
  const section = `${begin}\n\n_${report.measuredOn}_\n\n${markdown(report)}\n\n`;
  const style = await prettier.resolveConfig(DOCUMENT);
  const whole = text.slice(0, from) + section + text.slice(to);
  fs.writeFileSync(DOCUMENT, await prettier.format(whole, { ...style, parser: "markdown" }));
}
