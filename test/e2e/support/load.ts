/** Concurrent clients of one app that write rows and read, through the gateway and without stickiness. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "./app";

const CLIENTS = 6;
/** A request of each client every so often: steady, and the machine stays free for what is tested. */
const PAUSE_MS = 25;

export interface LoadReport {
  /** Numbers of the rows whose creation was answered with 200. */
  acknowledged: number[];
  reads: number;
  /** Each read, and each write, that wasn't answered with 200. */
  failedReads: string[];
  failedWrites: string[];
}

/** A collection of its own to write to. */
export async function createNotes(app: App): Promise<void> {
  const number = { name: "number", type: "bigInt", interface: "integer" };
  const fields = [{ name: "id", type: "bigInt", primaryKey: true, autoIncrement: true }, number];
  await app.call("collections:create", { name: "notes", title: "Notes", fields });
}

/** Numbers of all rows there are. */
export async function storedNotes(app: App): Promise<Set<number>> {
  const rows = await app.call<{ number: number | string }[]>("notes:list?paginate=false&fields=number");
  return new Set(rows.map(({ number }) => Number(number)));
}

/** Puts the app under load while `work` runs, and checks afterwards that every acknowledged row is there. */
export async function underLoad(app: App, work: () => Promise<unknown>): Promise<LoadReport> {
  await app.signIn();
  const report: LoadReport = { acknowledged: [], reads: 0, failedReads: [], failedWrites: [] };
  const first = Date.now();
  let count = 0;
  let running = true;
  const write = async (): Promise<void> => {
    const number = first + count++;
    const failure = await app.call("notes:create", { number }).then(() => undefined, String);
    if (failure === undefined) report.acknowledged.push(number);
    else report.failedWrites.push(failure);
  };
  const read = async (): Promise<void> => {
    const failure = await app.call("notes:list?pageSize=1").then(() => undefined, String);
    if (failure === undefined) report.reads += 1;
    else report.failedReads.push(failure);
  };
  const clients = Array.from({ length: CLIENTS }, async (_, index) => {
    while (running) {
      await (index % 2 === 0 ? write() : read());
      await sleep(PAUSE_MS);
    }
  });
  try {
    await work();
  } finally {
    running = false;
    await Promise.all(clients);
  }
  const stored = await storedNotes(app);
  const lost = report.acknowledged.filter((number) => !stored.has(number));
  assert.deepEqual(lost, [], "acknowledged rows that aren't there");
  assert.ok(report.acknowledged.length > 0 && report.reads > 0, "the load did nothing");
  return report;
}
