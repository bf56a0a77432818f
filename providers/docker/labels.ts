/** Labels of all that a fleet has on a daemon: whose it is, and what. */

/** `<project>/<stack>`. */
export const STACK_LABEL = "nocobase-fleet.stack";
/** Name of the part: `entry`, `env-blue`, `app-erp`, `postgres-main`, `gateway`. */
export const PART_LABEL = "nocobase-fleet.part";
/** `server`, `instance`, `gateway`; on containers alone. */
export const KIND_LABEL = "nocobase-fleet.kind";
/** Number of a replica, from 1; on containers alone. */
export const REPLICA_LABEL = "nocobase-fleet.replica";
/**
 * Containers of the platform stack that are on a tenant's network, by name with commas between; on the tenant's
 * containers that need them.
 */
export const PEERS_LABEL = "nocobase-fleet.peers";

export type PartKind = "server" | "instance" | "gateway";
