import type { Props } from "../../../../providers/kit/types";

export function isObject(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The parts of `live` that `shape` has too: what the server fills in beside what the program gave is left out, and so
 * are the items of a list beyond those of the program, as upstream has it.
 */
export function prune<Shape extends Props>(live: Props, shape: Shape): Shape {
  const entries = Object.entries(live).flatMap(([key, value]): [string, unknown][] =>
    key in shape ? [[key, pruneValue(value, shape[key])]] : [],
  );
  return Object.fromEntries(entries) as Shape;
}

function pruneValue(live: unknown, shape: unknown): unknown {
  if (isObject(live) && isObject(shape)) return prune(live, shape);
  if (Array.isArray(live) && Array.isArray(shape)) {
    return live.slice(0, shape.length).map((item, index) => pruneValue(item, shape[index]));
  }
  return live;
}
