/** Durations as Go writes them: the daemon speaks nanoseconds, the program `1m30s`. */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** @param text such as `1m30s`; nothing else but what the resource's check lets through */
export function nanoseconds(text: string): number {
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(number) * (UNITS[unit ?? ""] ?? 0);
  }
  return Math.round(sum);
}

/** Go's own way to write it: `1m30s`, `500ms`, `0s`. */
export function goDuration(nanos: number): string {
  if (nanos === 0) return "0s";
  if (nanos < 1e3) return `${nanos}ns`;
  if (nanos < 1e6) return `${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${nanos / 1e6}ms`;
  const seconds = (nanos % 60e9) / 1e9;
  const minutes = Math.floor(nanos / 60e9) % 60;
  const hours = Math.floor(nanos / 3600e9);
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}
