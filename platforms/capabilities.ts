/** What each platform can do, as plain facts: validation refuses what the chosen one lacks before anything is made. */
import type { PlatformName, Supervisor } from "../plan/types";

export interface PlatformCapabilities {
  /** False: the name is reserved, nothing runs there yet. */
  readonly implemented: boolean;
  /** The entry app and dedicated apps may run as several processes. */
  readonly replicas: boolean;
  /** `kind: managed` database servers: the fleet runs PostgreSQL itself. */
  readonly managedDatabaseServers: boolean;
  /** Where a NocoBase version comes from: a lockfile in providers/local/releases, or an image's tag. */
  readonly releases: "lockfile" | "image";
  /** What can make the entry app the control plane there. */
  readonly supervisors: readonly Supervisor[];
}

export const platformCapabilities: Readonly<Record<PlatformName, PlatformCapabilities>> = {
  local: {
    implemented: true,
    replicas: true,
    managedDatabaseServers: true,
    releases: "lockfile",
    supervisors: ["open", "none"],
  },
  docker: {
    implemented: false,
    replicas: false,
    managedDatabaseServers: true,
    releases: "image",
    supervisors: ["none"],
  },
  kubernetes: {
    implemented: false,
    replicas: true,
    managedDatabaseServers: false,
    releases: "image",
    supervisors: ["none"],
  },
};

/** Platforms that a stack file may choose today. */
export const implementedPlatforms: readonly PlatformName[] = (
  Object.keys(platformCapabilities) as PlatformName[]
).filter((platform) => platformCapabilities[platform].implemented);
