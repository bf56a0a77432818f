import type { Application } from "../../../../shared/contracts/core";

/** How long another replica may take to renew a token. */
const LOCK_MS = 10_000;

/**
 * Renews a token once over all replicas. A page sends several requests with the same expired token, to different
 * replicas, and one that comes second finds the first one's result only when it looks after it was written.
 */
export function renewTokensOnce(app: Application): void {
  const { tokenController: controller } = app.authManager;
  if (!controller || renewing.has(controller)) return;
  renewing.add(controller);
  const renew = controller.renew;
  controller.renew = (jti) =>
    app.lockManager.runExclusive(`fleet:renew-token:${jti}`, () => renew(jti), LOCK_MS);
}

const renewing = new WeakSet();
