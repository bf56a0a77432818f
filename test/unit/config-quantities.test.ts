import assert from "node:assert/strict";
import { readFleetSpec } from "../../config/read";
import type { DedicatedAppSpec } from "../../config/spec";

/** The limits that a dedicated app gets of these values. */
function limits(resources: Record<string, unknown>) {
  const values = { apps: { erp: { isolation: "dedicated", resources } } };
  const { spec, faults } = readFleetSpec({ stack: "dev", values });
  assert.equal(faults, undefined, JSON.stringify(faults));
  return (spec.apps.erp as DedicatedAppSpec).resources;
}

describe("resources", () => {
  for (const [memory, MiB] of [
    ["1Gi", 1024],
    ["1.5Gi", 1536],
    ["512Mi", 512],
    ["786432Ki", 768],
    ["1G", 953],
    ["900M", 858],
    ["2T", 1907348],
    ["1073741824", 1024],
    [1073741824, 1024],
  ] as const) {
    it(`reads memory ${memory} as ${MiB} MiB`, () => {
      assert.deepEqual(limits({ memory }), { memoryMiB: MiB });
    });
  }

  for (const [cpu, cpuMillis] of [
    [1, 1000],
    [0.5, 500],
    ["2", 2000],
    ["0.1", 100],
    ["250m", 250],
    ["1.5", 1500],
    [0.29, 290],
  ] as const) {
    it(`reads cpu ${cpu} as ${cpuMillis} thousandths of a core`, () => {
      assert.deepEqual(limits({ cpu }), { cpuMillis });
    });
  }

  it("are none where nothing is said", () => {
    assert.deepEqual(limits({}), {});
  });
});
