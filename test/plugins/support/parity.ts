/** Official plugin and stand-in side by side. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { skipBecause } from "../../support/skip";
import { official, standIn, type StateResource } from "./engine";
import type { OfficialName, Plugin, TestProject } from "./engine";
import type { Values } from "./plugin-client";

export interface Pair {
  official: Plugin;
  standIn: Plugin;
}

/** Defines a suite for an official plugin and its stand-in; one skipped test where the official one is missing. */
export function compare(name: OfficialName, suite: (pair: Pair) => void): void {
  describe(`official ${name} plugin and stand-in`, function () {
    this.timeout(300_000);
    const found = official(name);
    if (found) {
      suite({ official: found, standIn: standIn(name) });
    } else {
      it("take turns on one state and answer alike", function () {
        skipBecause(this, `no official pulumi-resource-${name} on PATH`);
      });
    }
  });
}

/** A resource's state without what differs from run to run. */
function essence({ urn, type, id, inputs, outputs, additionalSecretOutputs }: StateResource) {
  const isProvider = type.startsWith("pulumi:providers:");
  return { urn, type, inputs, outputs, additionalSecretOutputs, ...(isProvider ? {} : { id }) };
}

export async function stateOf(project: TestProject) {
  return (await project.resources(true)).map(essence).sort((a, b) => a.urn.localeCompare(b.urn));
}

/** Both ways: one makes, the other sees no change, refreshes to the very same state, and goes on with it. */
export async function takeTurns(project: TestProject, pair: Pair): Promise<void> {
  for (const [maker, other] of [
    [pair.official, pair.standIn],
    [pair.standIn, pair.official],
  ] as const) {
    project.change({ plugins: [maker] });
    await project.up();
    const made = join(project.folder, "made.json");
    await project.pulumi("stack", "export", "--file", made);
    const { steps } = await project.refresh();
    const refreshed = await stateOf(project);

    await project.pulumi("stack", "import", "--file", made);
    project.change({ plugins: [other] });
    assert.deepEqual((await project.preview()).steps, [], "preview after up");
    assert.deepEqual((await project.refresh()).steps, steps, "refresh after up");
    assert.deepEqual(await stateOf(project), refreshed);
    assert.deepEqual((await project.preview()).steps, [], "preview after refresh");
    assert.deepEqual((await project.up()).steps, [], "up after refresh");
    await project.destroy();
  }
}

/** Secrets in the clear: what the engine hands to plugins that take none. */
export function inTheClear(value: Values): Values {
  const isSecret = (item: unknown): item is { value: unknown } =>
    typeof item === "object" && item !== null && "4dabf18193072939515e22adb298388d" in item;
  return JSON.parse(
    JSON.stringify(value, (_key, item: unknown) => (isSecret(item) ? item.value : item)),
  ) as Values;
}
