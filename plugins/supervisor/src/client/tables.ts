import { Button, Popconfirm, Space, Table, Tag, Tooltip } from "antd";
import { createElement as h, type Node } from "react";
import type { App, AppRequest, Command, Environment } from "./fleet";

const COLOURS: Readonly<Record<string, string>> = {
  available: "green",
  running: "green",
  done: "green",
  accepted: "green",
  starting: "blue",
  begun: "blue",
  waiting: "blue",
  open: "blue",
  failed: "red",
  rejected: "red",
  "timed out": "orange",
  unavailable: "orange",
};

export type Act = (action: "start" | "stop" | "restart", names: readonly string[]) => void;

interface Column<Row> {
  title: string;
  of: (row: Row) => Node;
}

function table<Row>(
  id: string,
  rows: readonly Row[],
  key: keyof Row,
  columns: Column<Row>[],
  more = {},
): Node {
  return h(Table, {
    id,
    size: "small",
    dataSource: rows,
    rowKey: key,
    pagination: rows.length > 50 ? { pageSize: 50 } : false,
    scroll: { x: "max-content" },
    columns: columns.map(({ title, of }) => ({
      title,
      key: title,
      render: (_: unknown, row: Row) => of(row),
    })),
    ...more,
  });
}

const state = (text: string): Node => h(Tag, { color: COLOURS[text] ?? "default" }, text);
const link = (url: string): Node => h("a", { href: url, target: "_blank", rel: "noreferrer" }, url);
const time = (text: string | null): string => (text ? new Date(text).toLocaleString() : "");
const error = (text: string | null): Node =>
  text
    ? h(
        Tooltip,
        { title: text },
        h("span", { style: { color: "#cf1322" } }, text.length > 60 ? `${text.slice(0, 60)}…` : text),
      )
    : null;
const named = ({ name, title }: { name: string; title: string }): Node =>
  h(Tooltip, { title: name }, h("span", null, title));

export function environmentsTable(rows: readonly Environment[]): Node {
  return table("fleet-environments", rows, "name", [
    { title: "Environment", of: named },
    { title: "State", of: (row) => state(row.state) },
    { title: "Release", of: ({ release }) => release },
    { title: "URL", of: ({ url }) => link(url) },
    { title: "Memory", of: ({ memoryMiB }) => (memoryMiB === null ? "" : `${memoryMiB} MiB`) },
    { title: "Last seen", of: ({ lastSeenAt }) => time(lastSeenAt) },
  ]);
}

interface AppsTable {
  chosen: readonly string[];
  choose: (names: readonly string[]) => void;
  act: Act;
  remove: (name: string) => void;
}

export function appsTable(rows: readonly App[], { chosen, choose, act, remove }: AppsTable): Node {
  const button = (action: "start" | "stop" | "restart", label: string, row: App, disabled: boolean): Node =>
    h(
      Button,
      { size: "small", disabled, onClick: () => act(action, [row.name]), "data-action": action },
      label,
    );
  const actions = (row: App): Node =>
    h(
      Space,
      { size: "small" },
      button("start", "Start", row, row.state === "running"),
      button("stop", "Stop", row, row.state === "stopped"),
      button("restart", "Restart", row, false),
      h(
        Popconfirm,
        {
          title: `Ask for the removal of ${row.title}?`,
          description: "Who runs this fleet decides; nothing is removed before.",
          onConfirm: () => remove(row.name),
        },
        h(Button, { size: "small", danger: true, type: "link" }, "Request removal"),
      ),
    );
  return table(
    "fleet-apps",
    rows,
    "name",
    [
      { title: "Application", of: named },
      { title: "State", of: (row) => state(row.state) },
      { title: "Isolation", of: ({ isolation }) => isolation },
      { title: "Environment", of: ({ environmentName }) => environmentName ?? "its own process" },
      { title: "Replicas", of: ({ replicas }) => String(replicas) },
      { title: "Release", of: ({ release }) => release },
      { title: "URL", of: ({ url }) => link(url) },
      { title: "Last error", of: ({ lastError }) => error(lastError) },
      { title: "", of: actions },
    ],
    { rowSelection: { selectedRowKeys: chosen, onChange: choose } },
  );
}

export function commandsTable(rows: readonly Command[]): Node {
  return table("fleet-commands", rows, "requestId", [
    { title: "Requested", of: ({ requestedAt }) => time(requestedAt) },
    { title: "By", of: ({ requestedBy }) => requestedBy },
    { title: "Command", of: ({ action, app }) => `${action} ${app}` },
    { title: "Outcome", of: ({ outcome }) => state(outcome) },
    { title: "Error", of: (row) => error(row.error) },
  ]);
}

export function requestsTable(rows: readonly AppRequest[]): Node {
  return table("fleet-requests", rows, "requestId", [
    { title: "Requested", of: ({ requestedAt }) => time(requestedAt) },
    { title: "By", of: ({ requestedBy }) => requestedBy },
    { title: "Request", of: ({ action, app }) => `${action} ${app}` },
    { title: "State", of: (row) => state(row.state) },
    { title: "Answer", of: ({ answer }) => answer ?? "" },
  ]);
}
