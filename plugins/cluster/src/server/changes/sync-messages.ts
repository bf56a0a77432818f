import { setTimeout as sleep } from "node:timers/promises";
import type { Application } from "../../../../shared/contracts/core";
import type { Member } from "../member/member";

const TRIES = 4;
const PAUSE_MS = 250;

/**
 * Makes what plugins do on a change of another replica last: it is tried again where it fails, e.g. since the database
 * was away, and a failure that stays is logged. The core runs it behind a timer, where a failure ends the process.
 */
export function retrySyncMessages(app: Application, member: Member): void {
  const { syncMessageManager: manager } = app;
  const subscribe = manager.subscribe.bind(manager);
  manager.subscribe = (channel, callback) =>
    subscribe(channel, async (message) => {
      for (let tries = 1; ; tries++) {
        try {
          await callback(message);
          return;
        } catch (error) {
          if (app.stopped) return;
          if (tries === TRIES) {
            app.logger.warn(`a change by another replica could not be taken over: ${String(error)}`, {
              channel,
              change: message,
            });
            return;
          }
          app.logger.warn(`a change by another replica (${channel}) is tried again: ${String(error)}`, {
            message,
          });
          if (!member.serving) await member.whenServing(Infinity).catch(() => undefined);
          await sleep(PAUSE_MS * tries);
        }
      }
    });
}
