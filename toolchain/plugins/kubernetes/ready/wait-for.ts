/**
 * The annotation `pulumi.com/waitFor`: what an object's author waits for, as the official plugin has it since 4.18. One
 * expression or a JSON list of them, `condition=Ready`, `condition=Ready=False`, `jsonpath={.status.phase}=Running` or
 * `jsonpath={.status.address}`, of paths of plain names.
 */
import type { Props } from "../../../../providers/kit/types";
import { isObject } from "../object/prune";
import type { Look, Readiness, Ready } from "./index";

interface Condition {
  type?: string;
  status?: string;
  message?: string;
  observedGeneration?: number;
}

type Check = (live: Props) => boolean;

const CONDITION = /^condition=([^=]+)(?:=(.+))?$/;
const JSONPATH = /^jsonpath=\{((?:\.[A-Za-z0-9_-]+)+)\}(?:=(.+))?$/;

/** @throws Error where the expression isn't one of those above */
export function waitFor(expression: string): Ready {
  const checks = expressions(expression).map(checkOf);
  return ({ live }: Look): Readiness => {
    const isMet = isObserved(live) && checks.every((check) => check(live));
    return isMet ? { done: true } : { wait: `waiting for ${expression}${saidBy(live)}` };
  };
}

function expressions(text: string): string[] {
  if (!text.startsWith("[")) return [text];
  const list: unknown = JSON.parse(text);
  return Array.isArray(list) ? list.map(String) : [];
}

function checkOf(expression: string): Check {
  const [, type, wanted = "True"] = CONDITION.exec(expression) ?? [];
  if (type !== undefined) {
    return ({ status }) => {
      const { conditions = [] } = (status ?? {}) as { conditions?: Condition[] };
      return conditions.some(
        (each) => each.type === type && each.status?.toLowerCase() === wanted.toLowerCase(),
      );
    };
  }
  const [, path, value] = JSONPATH.exec(expression) ?? [];
  if (path === undefined) {
    throw new Error(
      `pulumi.com/waitFor: ${expression} is not understood here; write condition=TYPE or jsonpath={.path.of.names}=VALUE`,
    );
  }
  return (live) => {
    const found = path.slice(1).split(".").reduce<unknown>(within, live);
    if (value === undefined) return found !== undefined;
    return (typeof found === "string" ? found : JSON.stringify(found)) === value;
  };
}

function within(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** A status of an older version of the object says nothing of this one. */
function isObserved({ metadata, status }: Props): boolean {
  const { generation } = (metadata ?? {}) as { generation?: number };
  const { observedGeneration } = (status ?? {}) as { observedGeneration?: number };
  return generation === undefined || observedGeneration === undefined || observedGeneration >= generation;
}

/** What a controller says of its work, wherever it is said. */
function saidBy({ status }: Props): string {
  const {
    message,
    phase,
    phaseReason,
    conditions = [],
  } = (status ?? {}) as Record<string, unknown> & {
    conditions?: Condition[];
  };
  const unmet = conditions.filter((each) => each.status === "False").map((each) => each.message);
  const said = [message, phase, phaseReason, ...unmet].filter(
    (each) => typeof each === "string" && each !== "",
  );
  return said.length === 0 ? "" : `: ${[...new Set(said)].join("; ")}`;
}
