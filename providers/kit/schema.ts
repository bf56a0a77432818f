/** Building blocks of the providers' Pulumi package schemas. */
type Properties = Record<string, object>;

export const text = (description: string) => ({ type: "string", description });
export const secret = (description: string) => ({ type: "string", description, secret: true });
export const integer = (description: string) => ({ type: "integer", description });
export const flag = (description: string) => ({ type: "boolean", description });
export const texts = (description: string) => ({ type: "array", items: { type: "string" }, description });
/** A value whose shape the provider checks itself. */
export const any = (description: string) => ({ $ref: "pulumi.json#/Any", description });
export const variables = (description: string) => ({
  type: "object",
  description,
  additionalProperties: { type: "string" },
});

/** A resource whose inputs are all outputs too. @param optional inputs that may be left out */
export function resource(
  description: string,
  inputs: Properties,
  optional: readonly string[] = [],
  outputs: Properties = {},
) {
  const required = Object.keys(inputs).filter((name) => !optional.includes(name));
  return {
    description,
    inputProperties: inputs,
    requiredInputs: required,
    properties: { ...inputs, ...outputs },
    required: [...required, ...Object.keys(outputs)],
  };
}
