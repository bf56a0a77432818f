import { useAPIClient } from "@nocobase/client";
import { Alert, Button, Card, message, Space } from "antd";
import { createElement as h, useState, type Node } from "react";
import { messageOf, useFleet } from "./fleet";
import { RequestForm } from "./request-form";
import { appsTable, commandsTable, environmentsTable, requestsTable, type Act } from "./tables";

/** The control plane's page: what the fleet is, live, and what may be done with it. */
export function FleetPage(): Node {
  const api = useAPIClient();
  const { fleet, fault, look } = useFleet();
  const [chosen, choose] = useState<readonly string[]>([]);
  const [asking, setAsking] = useState(false);

  const post = async (url: string, data: unknown, said: string): Promise<void> => {
    try {
      await api.request({ url, method: "post", data, skipNotify: true });
      message.success(said);
    } catch (error) {
      message.error(messageOf(error));
      throw error;
    }
    look();
  };
  // The server's answer was shown.
  const quietly = (work: Promise<void>): void => void work.catch(() => undefined);
  const act: Act = (action, names) =>
    quietly(post(`applications:${action}`, { names }, `${action}: ${names.join(", ")}`));
  const ask = (values: Record<string, unknown>) =>
    post("applicationRequests:create", values, "The request was written down.");

  if (!fleet) return fault === undefined ? null : h(Alert, { type: "error", message: fault });
  const several = (action: "start" | "stop" | "restart", label: string): Node =>
    h(Button, { disabled: chosen.length === 0, onClick: () => act(action, chosen) }, label);
  const toolbar = h(
    Space,
    null,
    several("start", "Start"),
    several("stop", "Stop"),
    several("restart", "Restart"),
    h(Button, { type: "primary", onClick: () => setAsking(true) }, "Request application"),
  );
  const remove = (app: string): void => quietly(ask({ action: "remove", app }));
  return h(
    Space,
    { direction: "vertical", size: "middle", style: { width: "100%" } },
    fault === undefined ? null : h(Alert, { type: "warning", message: `Not up to date: ${fault}` }),
    h(
      Card,
      { title: "Applications", extra: toolbar },
      appsTable(fleet.apps, { chosen, choose, act, remove }),
    ),
    h(Card, { title: "Environments" }, environmentsTable(fleet.environments)),
    h(Card, { title: "Last commands" }, commandsTable(fleet.commands)),
    fleet.requests.length === 0 ? null : h(Card, { title: "Last requests" }, requestsTable(fleet.requests)),
    h(RequestForm, {
      open: asking,
      environments: fleet.environments,
      close: () => setAsking(false),
      send: (values: Record<string, unknown>) => ask({ ...values, action: "create" }),
    }),
  );
}
