import { randomInt } from "node:crypto";
import { UNKNOWN, type CheckFailure, type Props } from "../../../providers/kit/types";
import { bcryptHash } from "./bcrypt";
import { numberOf, type RandomKind } from "./handler";
import { PASSWORD, STRING } from "./specs";

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

const MINIMA = ["minUpper", "minLower", "minNumeric", "minSpecial"] as const;

/** `RandomPassword`: its id says nothing. */
export const password: RandomKind = {
  spec: PASSWORD,
  idInState: true,
  faults,
  generate(values) {
    const result = randomText(values);
    return { id: "none", generated: { result, bcryptHash: bcryptHash(result) } };
  },
  restore: (text) => ({
    id: "none",
    values: { ...unconstrained(text), result: text, bcryptHash: bcryptHash(text) },
  }),
};

/** `RandomString`: its id is the text. */
export const string: RandomKind = {
  spec: STRING,
  idInState: true,
  faults,
  generate(values) {
    const result = randomText(values);
    return { id: result, generated: { result } };
  },
  restore: (text) => ({ id: text, values: { ...unconstrained(text), result: text } }),
};

function unconstrained(text: string): Props {
  const flags = { special: true, upper: true, lower: true, number: true, numeric: true };
  const minima = Object.fromEntries(MINIMA.map((name) => [name, 0]));
  return { length: Buffer.byteLength(text), ...flags, ...minima };
}

function faults(inputs: Props): CheckFailure[] {
  const { length, numeric, number } = inputs;
  const failures: CheckFailure[] = [];
  const sum = MINIMA.reduce((total, name) => total + (Number(inputs[name] ?? 0) || 0), 0);
  if (length !== UNKNOWN && Number(length) < sum) {
    const reason = `length is ${Number(length)}; it must be at least the sum of ${MINIMA.join(", ")}, ${sum}.`;
    failures.push({ property: "length", reason });
  }
  if ([inputs.special, inputs.upper, inputs.lower, numeric].every((flag) => flag === false)) {
    const reason = "special, upper, lower and numeric are all false; at least one must be true.";
    failures.push({ property: "numeric", reason });
  }
  if (numeric !== number && numeric !== UNKNOWN && number !== UNKNOWN) {
    const reason = "number and numeric are two names of one property and differ; give numeric alone.";
    failures.push({ property: "number", reason });
  }
  return failures;
}

/** The characters asked for, each drawn evenly from its set, in random order. */
function randomText(values: Props): string {
  const override = typeof values.overrideSpecial === "string" ? values.overrideSpecial : "";
  const sets = {
    minUpper: { characters: Array.from(UPPER), allowed: values.upper },
    minLower: { characters: Array.from(LOWER), allowed: values.lower },
    minNumeric: { characters: Array.from(DIGITS), allowed: values.numeric },
    minSpecial: { characters: Array.from(override === "" ? SPECIAL : override), allowed: values.special },
  };
  const required = MINIMA.flatMap((name) => draw(sets[name].characters, numberOf(values, name)));
  const all = Object.values(sets).flatMap(({ characters, allowed }) => (allowed === true ? characters : []));
  const text = [...required, ...draw(all, numberOf(values, "length") - required.length)];
  for (let last = text.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [text[last], text[other]] = [text[other] ?? "", text[last] ?? ""];
  }
  return text.join("");
}

function draw(characters: readonly string[], count: number): string[] {
  return Array.from({ length: count }, () => characters[randomInt(characters.length)] ?? "");
}
