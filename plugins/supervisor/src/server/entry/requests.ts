import { randomUUID } from "node:crypto";
import { rowsOf, type ActionHandler, type EntryApplication } from "../contracts";
import type { RegistryControl } from "../registry/control";
import { who } from "./actions";

const COLLECTION = "applicationRequests";
const NAME = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;
const LONGEST_NAME = 59;
const LONGEST_TEXT = 1000;

/**
 * `POST applicationRequests:create`: writes down that an app should be declared, or declared no more. What becomes of
 * it is the operator's: `fleet requests` makes it an edit of the stack file.
 */
export function request(app: EntryApplication, control: () => RegistryControl): ActionHandler {
  return async (context, next) => {
    const values = context.action.params.values ?? {};
    const text = (name: string): string | null => {
      const value = values[name];
      if (value === undefined || value === null || value === "") return null;
      if (typeof value !== "string" || value.length > LONGEST_TEXT)
        return context.throw(400, `${name} must be a text of at most ${LONGEST_TEXT} characters`);
      return value;
    };
    const name = text("app") ?? "";
    const isolation = text("isolation") ?? "shared";
    const environmentName = text("environmentName");
    const declared = (await control().apps()).some((each) => each.name === name);
    const { action } = values;
    if (action === "create") {
      if (!NAME.test(name) || name.length > LONGEST_NAME || name === "main")
        context.throw(400, "app must be a key: a-z first, then a-z, 0-9 and inner hyphens");
      if (declared) context.throw(400, `an application "${name}" is there already`);
      if (!["shared", "dedicated"].includes(isolation))
        context.throw(400, "isolation must be shared or dedicated");
      const known = (await control().environments()).map((each) => each.name);
      if (isolation === "shared" && !known.includes(environmentName ?? ""))
        context.throw(
          400,
          `a shared application needs an environment: ${known.join(", ") || "there is none"}`,
        );
    } else if (action !== "remove") context.throw(400, "action must be create or remove");
    else if (!declared) context.throw(404, `no application "${name}" in this fleet`);
    const creates = action === "create";
    context.body = await rowsOf(app, COLLECTION).create({
      values: {
        requestId: randomUUID(),
        action,
        app: name,
        title: text("title"),
        isolation: creates ? isolation : null,
        environmentName: creates && isolation === "shared" ? environmentName : null,
        comment: text("comment"),
        requestedBy: who(context),
        requestedAt: new Date(),
        state: "open",
      },
    });
    await next();
  };
}

/** `POST applicationRequests:decide?filterByTk=<request>` with `{ "state": "accepted" | "rejected", "answer" }`. */
export function decide(app: EntryApplication): ActionHandler {
  return async (context, next) => {
    const { filterByTk, values = {} } = context.action.params;
    const { state, answer } = values;
    if (state !== "accepted" && state !== "rejected")
      context.throw(400, "state must be accepted or rejected");
    const rows = rowsOf(app, COLLECTION);
    const [open] = await rows.find({ filter: { requestId: String(filterByTk), state: "open" } });
    if (!open) context.throw(404, `no open request "${String(filterByTk)}"`);
    await rows.update({
      filterByTk: String(filterByTk),
      values: { state, answer: typeof answer === "string" ? answer : null, decidedAt: new Date() },
    });
    context.body = { requestId: filterByTk, state };
    await next();
  };
}
