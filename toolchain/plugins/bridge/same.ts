import type { Props } from "../../../providers/kit/types";

/** Deep equality; other than in the kit, null and an empty collection differ from each other. */
export function same(a: unknown, b: unknown): boolean {
  const [left, right] = [a ?? null, b ?? null];
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return left === right;
  }
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => key in right && same((left as Props)[key], (right as Props)[key]))
  );
}
