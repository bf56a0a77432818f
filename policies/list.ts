/**
 * The policies, one a file. They check what the engine is about to make, not what the program means to, so they hold
 * against a mistake in a component, too. No stack of this project is exempt from any.
 *
 * That secrets are secrets is no policy's to say: policies get values unwrapped. The scan for plain secrets in states,
 * logs and previews looks after that.
 */
import type { Policies } from "@pulumi/policy";
import { closedDatabase } from "./rules/closed-database";
import { decidedDeletion } from "./rules/decided-deletion";
import { droppedCapabilities } from "./rules/dropped-capabilities";
import { limitedRole } from "./rules/limited-role";
import { loopback } from "./rules/loopback";
import { noDaemonSocket } from "./rules/no-daemon-socket";
import { nothingForEverybody } from "./rules/nothing-for-everybody";
import { ownedDatabase } from "./rules/owned-database";
import { pinnedImage } from "./rules/pinned-image";
import { publishedPorts } from "./rules/published-ports";
import { unprivilegedContainer } from "./rules/unprivileged-container";
import { unprivilegedRole } from "./rules/unprivileged-role";

/** In the order of the pack's listing; further platforms add theirs here. */
export const policies: Policies = [
  unprivilegedRole,
  limitedRole,
  ownedDatabase,
  closedDatabase,
  nothingForEverybody,
  decidedDeletion,
  loopback,
  unprivilegedContainer,
  droppedCapabilities,
  noDaemonSocket,
  publishedPorts,
  pinnedImage,
];
