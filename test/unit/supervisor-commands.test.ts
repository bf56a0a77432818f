import assert from "node:assert/strict";
import * as fc from "fast-check";
import { nextCommands } from "../../plugins/supervisor/src/server/commands/order";
import { ACTIONS, type OpenCommand } from "../../plugins/supervisor/src/server/registry/types";

const commands = fc
  .array(fc.record({ app: fc.constantFrom("a", "b", "c", "d"), action: fc.constantFrom(...ACTIONS) }), {
    maxLength: 20,
  })
  .map((list) => list.map((each, index): OpenCommand => ({ id: String(index), ...each })));
const starts = ({ action }: OpenCommand): boolean => action !== "stop";

describe("the order of commands", () => {
  /** Carries everything out, `choose` saying which command under way ends next. */
  const carryOut = (all: OpenCommand[], choose: number[], check: (running: OpenCommand[]) => void) => {
    const ended: OpenCommand[] = [];
    let open = all;
    let running: OpenCommand[] = [];
    for (let step = 0; open.length > 0; step++) {
      running = [...running, ...nextCommands(open, new Set(running.map(({ id }) => id)))];
      check(running);
      assert.ok(running.length > 0, "something is open and nothing is under way");
      const done = running[(choose[step] ?? 0) % running.length]!;
      ended.push(done);
      running = running.filter((each) => each !== done);
      open = open.filter((each) => each !== done);
    }
    return ended;
  };

  it("gets through all, each app's in order, one at a time, and one start at a time", () => {
    fc.assert(
      fc.property(commands, fc.array(fc.nat(), { maxLength: 20 }), (all, choose) => {
        const ended = carryOut(all, choose, (running) => {
          assert.equal(new Set(running.map(({ app }) => app)).size, running.length);
          assert.ok(running.filter(starts).length <= 1);
        });
        for (const app of ["a", "b", "c", "d"])
          assert.deepEqual(
            ended.filter((each) => each.app === app),
            all.filter((each) => each.app === app),
          );
      }),
      { numRuns: 1000 },
    );
  });

  it("stops different apps side by side", () => {
    fc.assert(
      fc.property(commands, (all) => {
        const stops = all.map((each) => ({ ...each, action: "stop" as const }));
        const apps = new Set(stops.map(({ app }) => app));
        assert.equal(nextCommands(stops, new Set()).length, apps.size);
      }),
    );
  });
});
