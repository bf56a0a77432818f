import * as fs from "node:fs";
import * as path from "node:path";
import { formatFaults } from "../../config/faults";
import { parseStackFile } from "../../config/stack-file";
import { instanceName } from "../../plan/names";
import { decideRequest, listRequests, Session, type FleetRequest } from "../../providers/nocobase/client";
import { ExitCode, UserError } from "../exit-codes";
import { formatTable } from "../output/table";
import { editStackFile, RequestError } from "../requests/edit";
import { openStack, type FleetStack } from "../session";
import { reachable } from "../status/live";

/** `fleet requests list` */
export async function list(options: { stack: string; all?: boolean; json?: boolean }): Promise<void> {
  const entry = await openEntry(await openStack(options.stack, { quiet: true }));
  const requests = await listRequests(entry, options.all ?? false);
  if (options.json) console.log(JSON.stringify({ stack: options.stack, requests }, null, 2));
  else if (requests.length === 0) console.log("No open requests.");
  else console.log(table(requests));
}

/** `fleet requests accept ID...`: edits the stack file; nothing is made before the next `fleet up`. */
export async function accept(ids: string[], options: { stack: string }): Promise<void> {
  const stack = await openStack(options.stack, { quiet: true });
  const entry = await openEntry(stack);
  const file = path.join(stack.projectDir, `Pulumi.${options.stack}.yaml`);
  for (const request of find(await listRequests(entry, false), ids)) {
    const text = edited(fs.readFileSync(file, "utf8"), request, options.stack);
    const temporary = `${file}.${process.pid}`;
    fs.writeFileSync(temporary, text, { mode: fs.statSync(file).mode });
    fs.renameSync(temporary, file);
    await decideRequest(entry, request.requestId, { state: "accepted" });
    console.log(`${words(request)}: written to ${path.basename(file)}.`);
  }
  console.log(`See what it would do: fleet preview --stack ${options.stack}; make it so: fleet up`);
}

/** `fleet requests reject ID...` */
export async function reject(ids: string[], options: { stack: string; reason?: string }): Promise<void> {
  const entry = await openEntry(await openStack(options.stack, { quiet: true }));
  for (const request of find(await listRequests(entry, false), ids)) {
    await decideRequest(entry, request.requestId, { state: "rejected", answer: options.reason });
    console.log(`${words(request)}: rejected.`);
  }
}

async function openEntry(stack: FleetStack): Promise<Session> {
  const { entry, credentials, supervisor } = await stack.outputs();
  const signIn = credentials.entry;
  if (!entry || !signIn || supervisor !== "open") {
    throw new UserError(
      `stack ${stack.name} has no entry app that takes requests: that needs supervisor: open`,
      ExitCode.usage,
    );
  }
  const url = await reachable(stack.operations, instanceName("entry", "entry"), entry.instanceUrl);
  return new Session({ url, account: signIn.email, password: signIn.password });
}

function edited(before: string, request: FleetRequest, stack: string): string {
  try {
    const text = editStackFile(before, request);
    const { faults } = parseStackFile({ text, file: `Pulumi.${stack}.yaml`, stack });
    if (faults) throw new UserError(formatFaults(faults, `${words(request)}, which`), ExitCode.usage);
    return text;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new UserError(
      `${words(request)} can't be accepted: ${error.message}. To answer it: fleet requests reject ${short(request)}`,
      ExitCode.usage,
    );
  }
}

/** Requests whose ids begin with what was typed, each once. */
function find(requests: readonly FleetRequest[], ids: readonly string[]): FleetRequest[] {
  const found = ids.map((id) => {
    const matching = requests.filter(({ requestId }) => requestId.startsWith(id));
    const [only] = matching;
    if (only && matching.length === 1) return only;
    throw new UserError(
      matching.length === 0
        ? `no open request "${id}"; fleet requests list shows them`
        : `"${id}" begins ${matching.length} requests; write more of it`,
      ExitCode.usage,
    );
  });
  return [...new Set(found)];
}

function words(request: FleetRequest): string {
  return `${request.action} ${request.app} (${short(request)}, ${request.requestedBy})`;
}

function short({ requestId }: FleetRequest): string {
  return requestId.slice(0, 8);
}

function table(requests: readonly FleetRequest[]): string {
  return formatTable(
    ["id", "action", "app", "title", "isolation", "environment", "requested by", "at", "state", "comment"],
    requests.map((request) => [
      short(request),
      request.action,
      request.app,
      request.title ?? "-",
      request.isolation ?? "-",
      request.environmentName ?? "-",
      request.requestedBy,
      request.requestedAt,
      request.state,
      request.answer ?? request.comment ?? "",
    ]),
  );
}
