/** A Debian root from packages alone: unpacked by mmdebstrap, with no script of theirs run. */
import * as fs from "node:fs";
import { findOnPath, run, tail } from "../../../toolchain/process";
import { EPOCH } from "./layers";

const SUITE = "bookworm";
const LIMIT_MS = 10 * 60_000;
/** Where a Debian machine says which mirror it uses. */
const SOURCES = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/**
 * Unpacks packages and all that they depend on into a tar file, from the mirror that this machine's apt uses where
 * it is a Debian of the same release, else from Debian's own.
 * @throws Error that says what to install, or what apt said
 */
export async function unpackDebian(packages: readonly string[], target: string): Promise<void> {
  const program = findOnPath("mmdebstrap", process.env.PATH);
  if (program === undefined) {
    throw new Error("Images are made with mmdebstrap, which is not on PATH: `apt-get install mmdebstrap`.");
  }
  const args = ["--variant=extract", `--include=${packages.join(",")}`, "--format=tar", SUITE, target];
  const sources = SOURCES.filter(isOfSuite).slice(0, 1);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(EPOCH.getTime() / 1000) };
  const result = await run(program, [...args, ...sources], { env, timeoutMs: LIMIT_MS });
  if (result.code === 0) return;
  fs.rmSync(target, { force: true });
  throw new Error(
    `Debian's packages ${packages.join(", ")} can't be had (mmdebstrap): ${tail(result.stderr, 5)}\n` +
      "Check that this machine's apt reaches a Debian mirror.",
  );
}

function isOfSuite(file: string): boolean {
  try {
    const text = fs.readFileSync(file, "utf8");
    return new RegExp(`^[^#]*\\b${SUITE}\\b`, "m").test(text) && text.includes("debian");
  } catch {
    return false;
  }
}
