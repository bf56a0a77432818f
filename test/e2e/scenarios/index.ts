/** What every platform must do, on real parts. The steps build on each other: one fleet lives through all of them. */
import type { PlatformHarness } from "../support/fleet";
import { changes } from "./changes";
import { controlPlane } from "./control-plane";
import { firstUp } from "./first-up";
import { recovery } from "./recovery";
import { removal } from "./removal";
import { safety } from "./safety";
import { scale } from "./scale";

/** The stack file the scenarios start from. */
export const startingValues = (port: number) => ({
  gateway: { port },
  environments: { blue: {} },
  apps: {
    crm: { title: "CRM", environment: "blue" },
    support: { title: "Support", environment: "blue" },
    erp: { title: "ERP", isolation: "dedicated" },
  },
});

/**
 * Registers the scenarios; `harness` is asked for once `before` hooks have run.
 * @param more registers what only one platform does, before everything is removed
 */
export function describeScenarios(harness: () => PlatformHarness, more: () => void = () => undefined): void {
  firstUp(harness);
  controlPlane(harness);
  safety(harness);
  changes(harness);
  scale(harness);
  recovery(harness);
  more();
  removal(harness);
}
