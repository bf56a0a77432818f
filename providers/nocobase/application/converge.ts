import { Session } from "../client";
import { PartialFailure, type Context, type Props } from "../../kit/types";
import { tryDatabase } from "./database";
import { initialise, type Achieved } from "./initialise";
import { idOf } from "./identity";
import type { ApplicationInputs } from "./inputs";
import { targetState } from "./live";
import { differences } from "./options";
import { inTurn } from "./queue";
import { refuseForeign, register } from "./registration";
import { Runtime } from "./runtime";

/**
 * Makes an application as declared, whatever is there: nothing, the remains of a killed run, an earlier
 * declaration, a change made by hand. Create and update are both this.
 * @param achieved root credentials of before; undefined for a create, which refuses a foreign application
 * @returns the resource's outputs
 * @throws {PartialFailure} once something is registered, so that the state knows of it
 */
export async function converge(
  inputs: ApplicationInputs,
  achieved: Achieved | undefined,
  context: Context,
): Promise<Props> {
  const host = new Session(inputs.host);
  const runtime = new Runtime(host, inputs.name, context);
  const found = await runtime.find();
  if (found && !achieved) refuseForeign(found, inputs);
  const change = found && differences(found, inputs);
  const rootIsSet =
    achieved?.rootEmail === inputs.rootEmail &&
    achieved.rootNickname === inputs.rootNickname &&
    achieved.rootPassword === inputs.rootPassword;
  const target = targetState(inputs, found?.status);
  const visited = target === "running" || !rootIsSet;
  // A failed one keeps its old connection until it is stopped: a start alone would only fail again.
  const again = change?.restart || found?.status === "error";
  if (visited && (again || found?.status !== "running")) await tryDatabase(inputs);

  const progress: Achieved = { ...achieved };
  try {
    if (!found || change?.registration) await register(host, inputs, found, context);
    if (visited) {
      await inTurn(
        host.url,
        () => context.status(`${inputs.name} waits for others to start on ${host.url}`),
        () => (again ? runtime.restart() : runtime.start()),
      );
      context.status(`${inputs.name} answers; setting its root user and upload folder`);
      await initialise(host, inputs, progress, { signal: context.signal });
      Object.assign(progress, rootOf(inputs));
    }
    if (target === "stopped") await runtime.stop();
  } catch (error) {
    throw failed(error, inputs, progress, found !== undefined || (await isThere(runtime)));
  }
  return outputsOf(inputs, rootOf(inputs));
}

/** Outputs: the inputs, the address, and the root credentials that are really set. */
export function outputsOf(inputs: ApplicationInputs, root: Achieved): Props {
  const unset = { rootEmail: undefined, rootNickname: undefined, rootPassword: undefined };
  return { ...inputs, ...unset, ...root, url: idOf(inputs.host.url, inputs.name) };
}

function rootOf(inputs: ApplicationInputs): Achieved {
  const { rootEmail, rootNickname, rootPassword, title } = inputs;
  return { rootEmail, rootNickname, rootPassword, title };
}

async function isThere(runtime: Runtime): Promise<boolean> {
  return runtime.find().then(
    (row) => row !== undefined,
    () => true,
  );
}

function failed(error: unknown, inputs: ApplicationInputs, progress: Achieved, exists: boolean): Error {
  const text = error instanceof Error ? error.message : String(error);
  const message = text.startsWith("application ") ? text : `application ${inputs.name}: ${text}`;
  if (!exists) return new Error(message);
  return new PartialFailure(message, idOf(inputs.host.url, inputs.name), outputsOf(inputs, progress));
}
