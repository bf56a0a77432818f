import { distance } from "fastest-levenshtein";

/** The candidate that a typing error could have meant, or undefined; the nearest within a third of its length. */
export function suggest(given: string, candidates: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  const folded = given.toLowerCase();
  for (const candidate of candidates) {
    const limit = Math.max(2, Math.floor(candidate.length / 3));
    if (Math.abs(candidate.length - given.length) > limit) continue;
    const steps = distance(folded, candidate.toLowerCase());
    if (steps <= limit && steps < candidate.length && steps < least) [nearest, least] = [candidate, steps];
  }
  return nearest;
}

/** `a, b, c`, cut after twelve; `nothing` for none. */
export function listed(values: Iterable<string>): string {
  const all = [...values];
  if (all.length === 0) return "nothing";
  const shown = all.slice(0, 12).join(", ");
  return all.length > 12 ? `${shown} and ${all.length - 12} more` : shown;
}
