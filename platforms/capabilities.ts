/** What each platform can do, as plain facts: validation refuses what the chosen one lacks before anything is made. */
import type { PlatformName, Supervisor } from "../plan/types";

export interface PlatformCapabilities {
  /** The entry app and dedicated apps may run as several processes. */
  readonly replicas: boolean;
  /** `replicas` may be a range, within which an autoscaler decides. */
  readonly autoscaling: boolean;
  /** `kind: managed` database servers: the fleet runs PostgreSQL itself. */
  readonly managedDatabaseServers: boolean;
  /** Where a NocoBase version comes from: a lockfile in providers/local/releases, or an image's tag. */
  readonly releases: "lockfile" | "image";
  /** Resources that the engine works on at once; its own default, four for each processor, where not given. */
  readonly operationsAtOnce?: number;
  /** What can make the entry app the control plane there. */
  readonly supervisors: readonly Supervisor[];
}

export const platformCapabilities: Readonly<Record<PlatformName, PlatformCapabilities>> = {
  local: {
    replicas: true,
    autoscaling: false,
    managedDatabaseServers: true,
    releases: "lockfile",
    supervisors: ["open", "none"],
  },
  docker: {
    replicas: true,
    autoscaling: false,
    managedDatabaseServers: true,
    releases: "image",
    supervisors: ["open", "official", "none"],
  },
  kubernetes: {
    replicas: true,
    autoscaling: true,
    managedDatabaseServers: false,
    releases: "image",
    // Nearly all of an update is waiting for pods, which other machines start.
    operationsAtOnce: 64,
    supervisors: ["open", "none"],
  },
};
