/** What each platform can do, as plain facts: validation refuses what the chosen one lacks before anything is made. */
import type { PlatformName, Supervisor } from "../plan/types";

export interface PlatformCapabilities {
  /** The entry app and dedicated apps may run as several processes. */
  readonly replicas: boolean;
  /** `replicas` may be a range, within which an autoscaler decides. */
  readonly autoscaling: boolean;
  /** Apps may run inside the entry app or an environment. */
  readonly sharedApps: boolean;
  /** `deletion: backup`. */
  readonly backups: boolean;
  /** `kind: managed` database servers: the fleet runs PostgreSQL itself. */
  readonly managedDatabaseServers: boolean;
  /** Where a NocoBase version comes from: a lockfile in providers/local/releases, or an image's tag. */
  readonly releases: "lockfile" | "image";
  /** What can make the entry app the control plane there. */
  readonly supervisors: readonly Supervisor[];
}

export const platformCapabilities: Readonly<Record<PlatformName, PlatformCapabilities>> = {
  local: {
    replicas: true,
    autoscaling: false,
    sharedApps: true,
    backups: true,
    managedDatabaseServers: true,
    releases: "lockfile",
    supervisors: ["none"],
  },
  docker: {
    replicas: true,
    autoscaling: false,
    sharedApps: true,
    backups: true,
    managedDatabaseServers: true,
    releases: "image",
    supervisors: ["official", "none"],
  },
  kubernetes: {
    replicas: true,
    autoscaling: true,
    sharedApps: false,
    backups: false,
    managedDatabaseServers: false,
    releases: "image",
    supervisors: ["none"],
  },
};
