/** Amounts in the form that the API server gives them back in: `0.5` CPUs are `500m`, `1024Mi` are `1Gi`. */

const DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"] as const;
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d+))?$/;
/** Amounts are counted in billionths, the smallest the API knows. */
const SCALE = 1_000_000_000n;

/** @returns the text as it is where it is no quantity */
export function canonicalQuantity(text: string): string {
  const match = FORM.exec(text);
  if (!match || (match[2] === "" && !match[3])) return text;
  const [, sign = "", whole = "", fraction = "", suffix = "", exponent] = match;
  const isBinary = suffix.endsWith("i");
  const digits = BigInt(`${whole}${fraction}` || "0");
  const unit = isBinary
    ? SCALE * 1024n ** BigInt(BINARY.indexOf(suffix as (typeof BINARY)[number]))
    : power(10n, 9 + (exponent === undefined ? decimalPower(suffix) : Number(exponent)));
  const divisor = 10n ** BigInt(fraction.length);
  // What is finer than a billionth is rounded up.
  const billionths = (digits * unit + divisor - 1n) / divisor;
  if (billionths === 0n) return "0";
  const text_ = isBinary && billionths >= 1024n * SCALE ? binary(billionths) : decimal(billionths);
  return (sign === "-" ? "-" : "") + text_;
}

function decimalPower(suffix: string): number {
  return (DECIMAL.indexOf(suffix as (typeof DECIMAL)[number]) - 3) * 3;
}

function power(base: bigint, exponent: number): bigint {
  return exponent >= 0 ? base ** BigInt(exponent) : 0n;
}

function decimal(billionths: bigint): string {
  let [value, index] = [billionths, 0];
  while (value % 1000n === 0n && index < DECIMAL.length - 1) [value, index] = [value / 1000n, index + 1];
  return `${value}${DECIMAL[index] ?? ""}`;
}

/** Binary suffixes are kept, as far as the amount is a whole number of them. */
function binary(billionths: bigint): string {
  if (billionths % SCALE !== 0n) return decimal(billionths);
  let [value, index] = [billionths / SCALE, 0];
  while (value % 1024n === 0n && index < BINARY.length - 1) [value, index] = [value / 1024n, index + 1];
  return `${value}${BINARY[index] ?? ""}`;
}
