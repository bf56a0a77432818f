import { daemonOf, type Daemon } from "../../../toolchain/plugins/docker/daemon";
import type { Context } from "../../kit/types";
import { stackOf } from "../volume/owned";

export { failuresOf, hasUnknown, isName, isOneOf, isPort, isText } from "../../local/handlers/context";

/** The daemon of the provider's configuration, and whose resource this is. */
export function placeOf(context: Pick<Context, "config" | "urn">): { daemon: Daemon; stack: string } {
  return { daemon: daemonOf(context.config), stack: stackOf(context.urn) };
}
