/** Quantities as Kubernetes writes them (resource.Quantity): a number and a suffix. */

const binary: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4 };
const decimal: Readonly<Record<string, number>> = { k: 1, M: 2, G: 3, T: 4 };

export const memoryPattern = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/;
export const memoryAllowed = "a quantity such as 1Gi, 768Mi or 2G, at least 512Mi";
export const cpuPattern = /^(\d+(?:\.\d+)?)(m)?$/;
export const cpuAllowed = "cores such as 1, 0.5 or 500m, at least 100m";

/** `1Gi` → 1024, `1G` → 953: whole MiB, rounded down. A bare number is bytes. The value must match {@link memoryPattern}. */
export function memoryMiB(quantity: string | number): number {
  const [, amount = "0", suffix = ""] = memoryPattern.exec(String(quantity)) ?? [];
  const unit = binary[suffix] === undefined ? 1000 ** (decimal[suffix] ?? 0) : 1024 ** binary[suffix];
  return Math.floor((Number(amount) * unit) / 2 ** 20);
}

/** `1` → 1000, `500m` → 500: thousandths of a core, rounded up as Kubernetes does. The value must match {@link cpuPattern}. */
export function cpuMillis(quantity: string | number): number {
  const [, amount = "0", suffix] = cpuPattern.exec(String(quantity)) ?? [];
  return Math.ceil(Number((Number(amount) * (suffix === "m" ? 1 : 1000)).toFixed(3)));
}
