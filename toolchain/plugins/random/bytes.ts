import { randomBytes } from "node:crypto";
import { numberOf, type RandomKind } from "./handler";
import { BYTES, ID } from "./specs";

/** `RandomBytes`: its id is the base64 form, as upstream has it. */
export const bytes: RandomKind = {
  spec: BYTES,
  idInState: false,
  generate(values) {
    const generated = forms(randomBytes(numberOf(values, "length")));
    return { id: generated.base64, generated };
  },
  restore(id) {
    const restored = decode(id, "base64");
    return { id, values: { length: restored.length, ...forms(restored) } };
  },
};

function forms(random: Buffer) {
  return { base64: random.toString("base64"), hex: random.toString("hex") };
}

/** `RandomId`: imported as `ID` or `PREFIX,ID`. */
export const id: RandomKind = {
  spec: ID,
  idInState: true,
  generate(values) {
    const random = randomBytes(numberOf(values, "byteLength"));
    const generated = idForms(random, typeof values.prefix === "string" ? values.prefix : "");
    return { id: random.toString("base64url"), generated };
  },
  restore(given) {
    const comma = given.lastIndexOf(",");
    const [prefix, encoded] = [given.slice(0, Math.max(comma, 0)), given.slice(comma + 1)];
    const restored = decode(encoded, "base64url");
    const values = { byteLength: restored.length, ...idForms(restored, prefix) };
    return { id: encoded, values: prefix === "" ? values : { ...values, prefix } };
  },
};

function idForms(random: Buffer, prefix: string) {
  const hex = random.toString("hex");
  return {
    b64Url: prefix + random.toString("base64url"),
    b64Std: prefix + random.toString("base64"),
    hex: prefix + hex,
    dec: prefix + BigInt(`0x${hex || "0"}`).toString(),
  };
}

/** Node skips what is not base64; an import must not. */
function decode(text: string, encoding: "base64" | "base64url"): Buffer {
  const decoded = Buffer.from(text, encoding);
  if (decoded.toString(encoding) === text) return decoded;
  throw new Error(`The id to import is no ${encoding} text.`);
}
