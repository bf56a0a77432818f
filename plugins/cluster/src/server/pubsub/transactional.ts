import type { Application, Transaction } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";
import { PUBLISH } from "./bus";

/**
 * Makes messages about a change part of its transaction: they are written right before it commits. The core publishes
 * after the commit, and a process killed between the two would leave the other replicas with the old state for ever.
 */
export function publishWithinTransactions(app: Application, member: Member): void {
  const { syncMessageManager: manager } = app;
  const publish = manager.publish.bind(manager);
  manager.publish = async (channel, message, options = {}) => {
    const { transaction, ...rest } = options;
    if (!transaction || transaction.finished !== undefined) return publish(channel, message, rest);
    // As SyncMessageManager and PubSubManager of 2.2.15 name and wrap it.
    const name = app.pubSubManager.getFullChannel(`${app.name}.sync.${channel}`);
    const body = JSON.stringify({
      publisherId: app.pubSubManager.publisherId,
      skipSelf: true,
      ...rest,
      message,
    });
    pendingOf(transaction, app, member).set(`${name}\n${body}`, [name, body]);
    return undefined;
  };
}

const pending = new WeakMap<Transaction, Map<string, [string, string]>>();

function pendingOf(
  transaction: Transaction,
  app: Application,
  member: Member,
): Map<string, [string, string]> {
  const known = pending.get(transaction);
  if (known) return known;
  // Equal messages of one transaction are one: creating a collection says so for each of its fields.
  const messages = new Map<string, [string, string]>();
  pending.set(transaction, messages);
  const commit = transaction.commit.bind(transaction);
  transaction.commit = async () => {
    for (const [channel, body] of messages.values()) {
      await app.db.sequelize.query(PUBLISH.replaceAll("{schema}", member.schema), {
        bind: [channel, body, member.settings.schema],
        transaction,
      });
    }
    messages.clear();
    await commit();
  };
  return messages;
}
