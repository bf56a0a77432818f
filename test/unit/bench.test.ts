import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fc from "fast-check";
import { parseStackFile } from "../../config/stack-file";
import { stringify } from "yaml";
import { fleetValues, namespaced } from "../../bench/support/fleet-values";
import { digits, median } from "../../bench/support/measure";
import { descendants, ProcessWatch, proportionalBytes } from "../../bench/support/processes";
import { markdown } from "../../bench/support/report";

describe("bench", () => {
  it("takes medians that half of the values don't exceed, whatever their order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const middle = median(values);
        const half = values.length / 2;
        assert.ok(values.filter((value) => value < middle).length <= half);
        assert.ok(values.filter((value) => value > middle).length <= half);
      }),
    );
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.throws(() => median([]), /no values/);
  });

  it("writes numbers without exponents", () => {
    assert.equal(digits(0.000123456), "0.000123");
    assert.equal(digits(1234567), "1,230,000");
  });

  it("makes stack files that are valid at every size", () => {
    for (const apps of [1, 10, 11, 1000]) {
      const text = stringify({ config: namespaced(fleetValues(apps)) });
      const { spec, faults } = parseStackFile({ text, file: "Pulumi.bench.yaml", stack: "bench" });
      assert.deepEqual(faults, undefined);
      assert.equal(Object.keys(spec.apps).length, apps);
    }
  });

  it("puts figures to the right and words to the left", () => {
    const text = markdown({
      title: "",
      tables: [{ columns: ["what", "took"], rows: [["a thing", "1.5 s"]] }],
      checks: [{ what: "a thing", target: "≤ 1 s", measured: "1.5 s", met: false }],
      notes: ["A note."],
    });
    assert.match(text, /^\| what \| took \|\n\| --- \| ---: \|\n\| a thing \| 1\.5 s \|\n\n- A note\./);
    assert.match(text, /\| a thing \| ≤ 1 s \| 1\.5 s \| \*\*missed\*\* \|$/);
  });

  it("sees what a process and its children use", async () => {
    // Processor time, not the clock: this machine may have others at work.
    const work = "while (process.cpuUsage().user < 200_000);";
    const child = spawn("sh", ["-c", `${process.execPath} -e '${work}' & wait`], { stdio: "ignore" });
    const watch = new ProcessWatch(child.pid!);
    await new Promise((resolve) => child.once("close", resolve));
    const used = watch.stop().find(({ command }) => command.startsWith(process.execPath));
    assert.ok(used, "the child of the child was seen");
    assert.ok(used.cpuSeconds > 0.1, `${used.cpuSeconds} s`);
    assert.ok(used.peakBytes > 10 * 2 ** 20, `${used.peakBytes} bytes`);
    assert.deepEqual(descendants(child.pid!), [child.pid]);
    assert.ok(proportionalBytes(process.pid) > 10 * 2 ** 20);
  });
});
