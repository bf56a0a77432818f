/** A request of the entry app as an edit of the stack file. Pure. */
import { isMap, parseDocument } from "yaml";
import type { FleetRequest } from "../../providers/nocobase/client";

const CONFIG = "config";
const APPS = "nocobase-fleet:apps";

/** The request can't be made an edit; `message` says why. */
export class RequestError extends Error {}

/**
 * The stack file's text with the app that a request asks for, or without the one that it asks to remove. Comments and
 * everything else stay.
 * @throws {RequestError} where the file already has the app, or has it no more
 */
export function editStackFile(text: string, request: FleetRequest): string {
  const document = parseDocument(text);
  const at = [CONFIG, APPS, request.app];
  if (request.action === "remove") {
    if (!document.hasIn(at)) throw new RequestError(`the stack file has no app "${request.app}"`);
    document.deleteIn(at);
  } else {
    if (document.hasIn(at)) throw new RequestError(`the stack file has an app "${request.app}" already`);
    const apps = document.getIn([CONFIG, APPS]);
    if (isMap(apps) && apps.items.length === 0) apps.flow = false;
    if (!isMap(apps)) document.setIn([CONFIG, APPS], document.createNode({}));
    document.setIn(at, document.createNode(valuesOf(request)));
  }
  // No line is folded: a secret is one long word.
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function valuesOf({ title, isolation, environmentName }: FleetRequest): Record<string, string> {
  return {
    ...(title ? { title } : {}),
    ...(isolation === "dedicated" ? { isolation } : {}),
    ...(isolation !== "dedicated" && environmentName ? { environment: environmentName } : {}),
  };
}
