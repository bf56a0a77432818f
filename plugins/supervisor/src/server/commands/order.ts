import type { Action, OpenCommand } from "../registry/types";

/** A start may install or upgrade an app, and two at once would collide on what they share: one after another. */
const ONE_AT_A_TIME: ReadonlySet<Action> = new Set(["start", "restart"]);

/**
 * What may begin now: for each app its oldest open command, unless that is under way, and of the starts one in all.
 * @param open unfinished commands, oldest first @param running ids of those that this process carries out
 */
export function nextCommands(open: readonly OpenCommand[], running: ReadonlySet<string>): OpenCommand[] {
  const busy = new Set<string>();
  const next: OpenCommand[] = [];
  let starting = open.some(({ id, action }) => running.has(id) && ONE_AT_A_TIME.has(action));
  for (const command of open) {
    if (busy.has(command.app)) continue;
    busy.add(command.app);
    if (running.has(command.id)) continue;
    if (ONE_AT_A_TIME.has(command.action)) {
      if (starting) continue;
      starting = true;
    }
    next.push(command);
  }
  return next;
}
