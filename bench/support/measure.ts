/** Numbers: taking them, summing them up, writing them. */

/** The middle value; the mean of the two middle ones of an even count. @throws if there is none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("no values to take a median of");
  return (lower + upper) / 2;
}

/** The smallest value that so many of 100 don't exceed. @throws if there is none */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
  if (value === undefined) throw new Error("no values to take a percentile of");
  return value;
}

/** Seconds that `work` took, and what it gave. */
export async function timed<Result>(
  work: () => Promise<Result> | Result,
): Promise<{ seconds: number; result: Result }> {
  const begin = performance.now();
  const result = await work();
  return { seconds: (performance.now() - begin) / 1000, result };
}

/** Runs `work` so many times, one after the other. */
export async function repeat<Result>(
  times: number,
  work: (round: number) => Promise<Result> | Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let round = 0; round < times; round++) results.push(await work(round));
  return results;
}

/** Three significant digits, no exponent: `1,240`, `12.4`, `0.124`. */
export function digits(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}

export function seconds(value: number): string {
  return value < 0.1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
}

export function mebibytes(bytes: number): string {
  return `${digits(bytes / 2 ** 20)} MiB`;
}

/** `×1.2`: how many times `base` fits into `value`. */
export function ratio(value: number, base: number): string {
  return `×${digits(value / base)}`;
}
