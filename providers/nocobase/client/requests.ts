/** What people ask for in the entry app: apps to be declared, or declared no more (`plugins/supervisor`). */
import type { Call, Session } from "./session";

export interface FleetRequest {
  readonly requestId: string;
  readonly action: "create" | "remove";
  readonly app: string;
  readonly title: string | null;
  readonly isolation: string | null;
  readonly environmentName: string | null;
  readonly comment: string | null;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly state: "open" | "accepted" | "rejected";
  readonly answer: string | null;
}

/** Oldest first; those that are open, or all. */
export async function listRequests(entry: Session, all: boolean, call: Call = {}): Promise<FleetRequest[]> {
  const query = {
    paginate: "false",
    sort: "requestedAt",
    ...(all ? {} : { filter: JSON.stringify({ state: "open" }) }),
  };
  const { data } = await entry.call<{ data: FleetRequest[] }>("GET", "applicationRequests:list", {
    ...call,
    query,
  });
  return data;
}

/** Writes down what became of a request. */
export async function decideRequest(
  entry: Session,
  id: string,
  decision: { state: "accepted" | "rejected"; answer?: string },
): Promise<void> {
  await entry.call("POST", "applicationRequests:decide", { query: { filterByTk: id }, body: decision });
}
