import { randomUUID } from "node:crypto";
import type { ActionContext, ActionHandler, EntryApplication } from "../contracts";
import {
  NameTaken,
  withoutChange,
  type DeclaredApp,
  type DeclaredEnvironment,
  type RegistryControl,
} from "../registry/control";
import { ACTIONS, type Action } from "../registry/types";
import { collectionNames } from "./collections";
import { decide, request } from "./requests";

/** Until then a command waits for an environment that is away. Milliseconds. */
const DEFAULT_TIMEOUT_MS = 5 * 60_000;
const LONGEST_TIMEOUT_MS = 24 * 3_600_000;
const WRITES = [
  "create",
  "update",
  "destroy",
  "firstOrCreate",
  "updateOrCreate",
  "move",
  "add",
  "set",
  "remove",
  "toggle",
  "importXlsx",
];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The actions of the control plane, and who may use them. */
export function defineActions(app: EntryApplication, plugin: string, control: () => RegistryControl): void {
  const handlers: Record<string, ActionHandler> = {};
  for (const action of ACTIONS) handlers[`applications:${action}`] = command(action, control);
  for (const collection of collectionNames)
    for (const write of WRITES) handlers[`${collection}:${write}`] = refuseWrite;
  handlers["applicationRequests:create"] = request(app, control);
  // In no snippet: the operator of the fleet answers as root.
  handlers["applicationRequests:decide"] = decide(app);
  app.resourceManager.registerActionHandlers(handlers);
  app.acl.registerSnippet({
    name: `pm.${plugin}.command`,
    actions: ACTIONS.map((action) => `applications:${action}`),
  });
  app.acl.registerSnippet({ name: `pm.${plugin}.request`, actions: ["applicationRequests:create"] });
  app.acl.registerSnippet({
    name: `pm.${plugin}.view`,
    actions: collectionNames.flatMap((name) => [`${name}:list`, `${name}:get`]),
  });
  // In no snippet: of the roles, root alone may.
  app.resourceManager.define({ name: "fleetRegistry", actions: { declare: declare(control) } });
}

/** `POST applications:restart?filterByTk=crm`, or `{ "names": [...] }`: gives the commands as they are written down. */
function command(action: Action, control: () => RegistryControl): ActionHandler {
  return async (context, next) => {
    const { filterByTk, values = {} } = context.action.params;
    const names = [filterByTk ?? values.names ?? []].flat().map(String);
    if (names.length === 0) context.throw(400, `${action} what? Give filterByTk, or names in the body.`);
    const requestId = values.requestId;
    if (
      requestId !== undefined &&
      (names.length > 1 || typeof requestId !== "string" || !UUID.test(requestId))
    )
      context.throw(400, "requestId must be a UUID, and goes with one application only");
    const timeoutMs = Number(values.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    if (!(timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS))
      context.throw(400, `timeoutMs must be a number of milliseconds up to ${LONGEST_TIMEOUT_MS}`);
    const known = new Set((await control().apps()).map(({ name }) => name));
    const unknown = names.filter((name) => !known.has(name));
    if (unknown.length > 0) context.throw(404, `no application "${unknown.join('", "')}" in this fleet`);
    const commands = [];
    for (const app of names) {
      const request = { requestId: (requestId as string | undefined) ?? randomUUID(), app, action };
      commands.push(withoutChange(await control().dispatch({ ...request, by: who(context), timeoutMs })));
    }
    context.body = commands;
    await next();
  };
}

/** Who acts, for records. */
export function who({ state: { currentUser } }: ActionContext): string {
  if (!currentUser) return "a workflow";
  return currentUser.username ?? currentUser.email ?? currentUser.nickname ?? `user ${currentUser.id}`;
}

const refuseWrite: ActionHandler = (context) =>
  Promise.resolve(
    context.throw(
      405,
      "What exists in this fleet is declared in its stack file; this collection shows it. To start or stop an application use its actions.",
    ),
  );

/** `POST fleetRegistry:declare`: replaces what a stack has declared. */
function declare(control: () => RegistryControl): ActionHandler {
  return async (context, next) => {
    const { stack, environments, apps } = (context.action.params.values ?? {}) as {
      stack?: unknown;
      environments?: DeclaredEnvironment[];
      apps?: DeclaredApp[];
    };
    if (typeof stack !== "string" || !environments || !apps)
      return context.throw(400, "needed: stack, environments, apps");
    try {
      await control().declare(stack, environments, apps);
    } catch (error) {
      if (error instanceof NameTaken) return context.throw(409, error.message);
      throw error;
    }
    context.body = { environments: environments.length, apps: apps.length };
    await next();
  };
}
