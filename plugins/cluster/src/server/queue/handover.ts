import type { Application } from "../contracts/core";
import type { Handover } from "./channel";

/** plugin-async-task-manager 2.2.15, common/constants.ts: what runs carries 0, what waits carries null. */
const RUNNING = 0;
const PENDING = null;

/**
 * The task manager runs only tasks that wait. One that its replica was running when it died is set back to waiting,
 * so that the replica that took it over runs it.
 */
export function handOver(app: Application): Handover {
  return async (channel, content) => {
    if (!channel.endsWith("async-task-manager.task")) return;
    const { id } = content as { id: string };
    await app.db.getRepository("asyncTasks").update({
      filter: { id, status: RUNNING },
      values: { status: PENDING },
    });
  };
}
