import type { Application } from "../../../../shared/contracts/core";
import type { Handover } from "./channel";

/** plugin-async-task-manager 2.2.15, common/constants.ts: what runs carries 0, what waits carries null. */
const RUNNING_TASK = 0;
const WAITING_TASK = null;
/** plugin-workflow 2.2.15, common/constants.ts */
const STARTED_EXECUTION = 0;

interface ExecutionTask {
  executionId: number | string;
  jobId?: unknown;
  rerun?: unknown;
}

/** Plugins refuse a task that was begun already. One that a dead replica left is put so that it begins anew. */
export function handOver(app: Application): Handover {
  return async (channel, content) => {
    if (channel.endsWith("async-task-manager.task")) {
      const { id } = content as { id: string };
      await app.db
        .getRepository("asyncTasks")
        .update({ filter: { id, status: RUNNING_TASK }, values: { status: WAITING_TASK } });
    }
    if (channel.endsWith("workflow.pendingExecution")) return rerun(app, content as ExecutionTask);
    return content;
  };
}

/**
 * An execution that was started, and has no finished node yet, is run from its head. One that waits in a node goes on
 * by a task of its own, which names the node's job and is accepted as it is.
 */
async function rerun(app: Application, task: ExecutionTask): Promise<ExecutionTask> {
  if (task.jobId != null || task.rerun != null) return task;
  const execution = await app.db
    .getRepository("executions")
    .findOne({ filterByTk: task.executionId, filter: { status: STARTED_EXECUTION }, appends: ["jobs"] });
  const jobs = execution?.jobs as unknown[] | undefined;
  return jobs?.length === 0 ? { ...task, rerun: {} } : task;
}
