/** `runtime.options` of a Pulumi.yaml, as far as running a program needs them. */

export interface RuntimeOptions {
  /** Arguments for Node.js itself, as one would write them in a shell. */
  nodeargs: string;
  /** Variables that the SDK's runner reads. */
  env: Record<string, string>;
  /** Leave devDependencies out when installing. */
  production: boolean;
}

type Kind = "boolean" | "string";

/**
 * Reads the options with the official host's names and defaults: `typescript` (true), `tsconfig`, `nodeargs`,
 * `production`, `packagemanager`.
 * @throws Error naming the option that is not of its kind, or a package manager other than npm
 */
export function readOptions(options: Record<string, unknown>): RuntimeOptions {
  const read = (name: string, kind: Kind): unknown => {
    const value = options[name];
    if (value === undefined || typeof value === kind) return value;
    throw new Error(
      `runtime.options.${name} in Pulumi.yaml must be a ${kind}, not ${JSON.stringify(value)}.`,
    );
  };
  const manager = read("packagemanager", "string") ?? "auto";
  if (manager !== "auto" && manager !== "npm") {
    throw new Error(
      `runtime.options.packagemanager is ${JSON.stringify(manager)}; this language host knows npm only.`,
    );
  }
  const env: Record<string, string> = {};
  if (read("typescript", "boolean") !== false) env.PULUMI_NODEJS_TYPESCRIPT = "true";
  const tsconfig = read("tsconfig", "string");
  if (typeof tsconfig === "string") env.PULUMI_NODEJS_TSCONFIG_PATH = tsconfig;
  const nodeargs = read("nodeargs", "string");
  return {
    nodeargs: typeof nodeargs === "string" ? nodeargs : "",
    env,
    production: read("production", "boolean") === true,
  };
}

/**
 * Splits arguments as a POSIX shell does: blanks separate, single and double quotes and backslashes quote.
 * @throws Error where a quote is not closed
 */
export function splitArguments(text: string): string[] {
  const words: string[] = [];
  let word = "";
  // Tells an empty word, as by '', from none.
  let begun = false;
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    const next = text.charAt(index + 1);
    if (quote === "" && /\s/.test(char)) {
      if (begun) words.push(word);
      [word, begun] = ["", false];
      continue;
    }
    begun = true;
    if (char === quote) quote = "";
    else if (quote === "" && /['"]/.test(char)) quote = char;
    else if (char === "\\" && (quote === "" ? next !== "" : quote === '"' && /["\\$`]/.test(next))) {
      index += 1;
      word += next;
    } else word += char;
  }
  if (quote !== "") throw new Error(`runtime.options.nodeargs in Pulumi.yaml has an open ${quote}: ${text}`);
  return begun ? [...words, word] : words;
}
