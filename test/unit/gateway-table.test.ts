import assert from "node:assert/strict";
import { readTable, TableError } from "../../providers/local/gateway/table";
import { ENTRY, routeOf, table } from "./gateway-routes";

describe("gateway routing table", () => {
  const bad: [string, string, RegExp][] = [
    ["not JSON", "{", /not JSON/],
    ["an unknown field", JSON.stringify({ ...table.table, extra: 1 }), /extra/],
    ["a port out of range", JSON.stringify({ ...table.table, port: 0 }), /port/],
    [
      "an upper-case host",
      JSON.stringify({ ...table.table, routes: [routeOf("a", "shared", { hosts: ["A.b"] })] }),
      /routes\.0\.hosts\.0/,
    ],
    [
      "a target with a path",
      JSON.stringify({ ...table.table, routes: [routeOf("a", "shared", { target: "http://x/y" })] }),
      /target/,
    ],
    [
      "an app without isolation",
      JSON.stringify({ ...table.table, routes: [{ ...ENTRY, kind: "app" }] }),
      /isolation/,
    ],
    [
      "an app called main",
      JSON.stringify({ ...table.table, routes: [routeOf("main", "shared")] }),
      /NocoBase's own name/,
    ],
    [
      "a key twice",
      JSON.stringify({
        ...table.table,
        routes: [routeOf("a", "shared"), routeOf("a", "shared", { hosts: ["b"] })],
      }),
      /used by two apps/,
    ],
    [
      "a host twice",
      JSON.stringify({
        ...table.table,
        routes: [routeOf("a", "shared"), routeOf("b", "shared", { hosts: ["a.fleet.test"] })],
      }),
      /belongs to "a"/,
    ],
    [
      "the domain taken by an app",
      JSON.stringify({ ...table.table, routes: [routeOf("a", "shared", { hosts: ["fleet.test"] })] }),
      /entry app's/,
    ],
    [
      "two entry apps",
      JSON.stringify({ ...table.table, routes: [ENTRY, { ...ENTRY, hosts: ["x"] }] }),
      /two entry apps/,
    ],
  ];
  for (const [what, text, message] of bad) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => readTable(text),
        (error) => error instanceof TableError && message.test(error.message),
      );
    });
  }
});
