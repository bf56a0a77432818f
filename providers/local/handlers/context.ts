import * as path from "node:path";
import { UNKNOWN, type CheckFailure, type Context, type Props } from "../../kit/types";
import { portClashes } from "../files/neighbours";
import { PLAN_NAME } from "../supervisor/layout";

/** The provider's `root` setting. Throws where it is missing or relative. */
export function rootOf(context: Pick<Context, "config">): string {
  const { root } = context.config;
  if (typeof root !== "string" || !path.isAbsolute(root)) {
    throw new Error(`provider nocobase-local: root must be an absolute folder, is ${JSON.stringify(root)}`);
  }
  return path.normalize(root);
}

/** Whether a value, at any depth, is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}

/** What a check function says of one known input: a reason it can't be taken, or undefined. */
export type Rule = (value: unknown) => string | undefined;

/** Applies rules to inputs, skipping what is not known yet. */
export function failuresOf(inputs: Props, rules: Record<string, Rule>): CheckFailure[] {
  return Object.entries(rules).flatMap(([property, rule]) => {
    const value = inputs[property];
    if (value === UNKNOWN) return [];
    const reason = rule(value);
    return reason === undefined ? [] : [{ property, reason }];
  });
}

/**
 * Failures for ports that another stack's process has. Only of what is new: one that runs is not to fail since a
 * neighbour was added.
 */
export function portFailures(
  ports: readonly unknown[],
  before: readonly unknown[],
  context: Pick<Context, "config">,
): CheckFailure[] {
  const added = ports.filter((port) => typeof port === "number" && !before.includes(port)) as number[];
  if (added.length === 0) return [];
  return [...portClashes(rootOf(context), added).values()].map((reason) => ({ property: "port", reason }));
}

const shown = (value: unknown): string => (value === undefined ? "what is missing" : JSON.stringify(value));

export const isName: Rule = (value) =>
  typeof value === "string" && PLAN_NAME.test(value)
    ? undefined
    : `${shown(value)} must be lower case letters, digits and hyphens, at most 63, starting with a letter or digit`;

export const isPort: Rule = (value) =>
  typeof value === "number" && Number.isInteger(value) && value > 0 && value < 65536
    ? undefined
    : `${shown(value)} must be a port, 1 to 65535`;

export const isText: Rule = (value) =>
  typeof value === "string" && value !== "" ? undefined : "must be a text that is not empty";

/** One of these values. */
export function isOneOf(...allowed: string[]): Rule {
  return (value) =>
    allowed.includes(value as string) ? undefined : `${shown(value)} must be one of ${allowed.join(", ")}`;
}
