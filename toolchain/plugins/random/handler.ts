/** What the four resources have in common: made once, never changed in place but for what upstream overlooks. */
import { UNKNOWN } from "../../../providers/kit/types";
import type { CheckFailure, Props, ResourceHandler } from "../../../providers/kit/types";
import { attributeOf, isGiven, type ResourceSpec } from "../bridge/attributes";
import { checkInputs, officialRemedy, readValue } from "../bridge/check";
import { diffPlanned, plannedOutputs } from "../bridge/diff";
import { assertSchemaVersion, inputsFromOutputs, writeState } from "../bridge/state";
import { VERSION } from "./specs";

export interface RandomKind {
  spec: ResourceSpec;
  /** Has its id among its outputs, too. */
  idInState: boolean;
  /** Faults that take more than one property to see. */
  faults?(inputs: Props): CheckFailure[];
  /** @param values planned outputs @returns id and generated outputs */
  generate(values: Props): { id: string; generated: Props };
  /** @param id as given to `pulumi import` @throws Error where it is not an id of this kind */
  restore(id: string): { id: string; values: Props };
}

/** Gives inputs their types: a program may have written a number as text. */
function typed(spec: ResourceSpec, inputs: Props): Props {
  return Object.fromEntries(
    Object.entries(inputs)
      .filter(([name, value]) => isGiven(value) && name in spec.attributes)
      .map(([name, value]) => {
        const read = readValue(value, attributeOf(spec, name));
        return [name, "value" in read ? read.value : value];
      }),
  );
}

/** `number` and `numeric` are two names of one property. */
function withTwins(spec: ResourceSpec, inputs: Props): Props {
  if (!("numeric" in spec.attributes)) return inputs;
  const numeric = inputs.numeric ?? inputs.number ?? true;
  return { ...inputs, numeric, number: inputs.number ?? numeric };
}

function plan(spec: ResourceSpec, inputs: Props, olds?: Props): Props {
  return plannedOutputs(spec, withTwins(spec, typed(spec, inputs)), olds);
}

/** @returns the handler of one kind of random value */
export function randomHandler(kind: RandomKind): ResourceHandler {
  const { spec } = kind;
  const stateOf = (id: unknown, values: Props): Props =>
    writeState(spec, { ...values, id: kind.idInState ? id : undefined });
  return {
    check(news, olds, { name }) {
      const remedy = officialRemedy("random", VERSION);
      const { inputs, failures = [] } = checkInputs(news, olds, { spec, remedy, name });
      const more = failures.length === 0 ? (kind.faults?.(withTwins(spec, inputs)) ?? []) : [];
      return { inputs, failures: [...failures, ...more] };
    },
    diff(_id, olds, news) {
      assertSchemaVersion(spec, olds);
      return diffPlanned(spec, olds, plan(spec, news, olds), news);
    },
    preview(inputs, _context, olds) {
      const planned = plan(spec, inputs, olds);
      if (!kind.idInState) delete planned.id;
      return Object.fromEntries(Object.entries(planned).filter(([, value]) => isGiven(value)));
    },
    create(inputs) {
      const planned = plan(spec, inputs);
      const { id, generated } = kind.generate(planned);
      return Promise.resolve({ id, outputs: stateOf(id, { ...planned, ...generated }) });
    },
    read(id, outputs, _context, inputs) {
      if (Object.keys(outputs).length > 0) {
        assertSchemaVersion(spec, outputs);
        const kept = stateOf(outputs.id, outputs);
        return Promise.resolve({ id, outputs: kept, inputs: inputsFromOutputs(spec, outputs, inputs) });
      }
      const restored = kind.restore(id);
      return Promise.resolve({
        id: restored.id,
        outputs: stateOf(restored.id, restored.values),
        inputs: inputsFromOutputs(spec, restored.values, undefined),
      });
    },
    update(_id, olds, news) {
      return Promise.resolve(stateOf(olds.id, plan(spec, news, olds)));
    },
  };
}

/** A number of planned outputs. @throws Error where it is not known yet */
export function numberOf(values: Props, name: string): number {
  const value = values[name];
  if (typeof value !== "number")
    throw new Error(`${name} is ${value === UNKNOWN ? "not known yet" : "no number"}`);
  return value;
}
