/** The resources of the official `random` package that the stand-in has (package 4.21.2). */
import { isGiven, type Attribute, type ResourceSpec } from "../bridge/attributes";
import type { Props } from "../../../providers/kit/types";

export const VERSION = "4.21.2";

/** Keys with null values count as absent: upstream once stored them so, and must not replace for it. */
function keepersReplace(before: unknown, after: unknown): boolean {
  const [old, next] = [(before ?? {}) as Props, (after ?? {}) as Props];
  return [...Object.keys(old), ...Object.keys(next)].some((key) => old[key] !== next[key]);
}

const keepers: Attribute = {
  type: "map",
  input: "optional",
  description: "Texts that, when changed, bring about a new random value.",
  replace: keepersReplace,
};

const output = (description: string): Attribute => ({ type: "string", description });
const secretOutput = (description: string): Attribute => ({ type: "string", description, secret: true });

export const BYTES: ResourceSpec = {
  token: "random:index/randomBytes:RandomBytes",
  description:
    "Random bytes, kept as a secret. Its id is their base64 form, which Pulumi stores in the clear.",
  flavour: "framework",
  attributes: {
    length: { type: "integer", input: "required", min: 1, replace: true, description: "Number of bytes." },
    keepers: { ...keepers, replace: true },
    base64: secretOutput("The bytes in base64."),
    hex: secretOutput("The bytes in lower-case hexadecimal digits."),
  },
};

export const ID: ResourceSpec = {
  token: "random:index/randomId:RandomId",
  description: "A random identifier; not a secret.",
  flavour: "framework",
  attributes: {
    byteLength: {
      type: "integer",
      input: "required",
      min: 0,
      replace: true,
      description: "Number of random bytes.",
    },
    prefix: { type: "string", input: "optional", replace: true, description: "Text put before each form." },
    keepers,
    b64Url: output("Base64 for URLs, without padding."),
    b64Std: output("Base64."),
    hex: output("Hexadecimal digits."),
    dec: output("Decimal digits."),
  },
};

const flag = (what: string): Attribute => ({
  type: "boolean",
  input: "optional",
  default: true,
  replace: true,
  description: `Whether ${what} may occur.`,
});

const least = (what: string): Attribute => ({
  type: "integer",
  input: "optional",
  default: 0,
  replace: true,
  description: `Least number of ${what}.`,
});

const textAttributes: Record<string, Attribute> = {
  length: { type: "integer", input: "required", min: 1, replace: true, description: "Number of characters." },
  keepers,
  special: flag("special characters"),
  upper: flag("upper-case letters"),
  lower: flag("lower-case letters"),
  numeric: flag("digits"),
  number: { ...flag("digits"), description: "Deprecated: use numeric." },
  minUpper: least("upper-case letters"),
  minLower: least("lower-case letters"),
  minNumeric: least("digits"),
  minSpecial: least("special characters"),
  overrideSpecial: {
    type: "string",
    input: "optional",
    description: "The special characters to choose from.",
    // An old version of upstream stored an empty text for no value.
    replace: (before, after) => isGiven(after) || before !== "",
  },
};

export const PASSWORD: ResourceSpec = {
  token: "random:index/randomPassword:RandomPassword",
  description: "A random text, kept as a secret.",
  flavour: "framework",
  schemaVersion: 3,
  attributes: {
    ...textAttributes,
    result: secretOutput("The text."),
    bcryptHash: secretOutput("Bcrypt hash of its first 72 bytes."),
  },
};

export const STRING: ResourceSpec = {
  token: "random:index/randomString:RandomString",
  description: "A random text; not a secret.",
  flavour: "framework",
  schemaVersion: 2,
  attributes: { ...textAttributes, result: output("The text.") },
};
