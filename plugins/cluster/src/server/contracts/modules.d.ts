/** What this plugin uses of NocoBase's packages (2.2.15); the release it is installed into brings the code. */

declare module "@nocobase/server" {
  type CoreApplication = import("./core").Application;

  /** packages/core/server/src/plugin.ts */
  export class Plugin {
    constructor(app: CoreApplication, options?: Record<string, unknown>);
    name: string;
    app: CoreApplication;
    sendSyncMessage(message: unknown, options?: { transaction?: unknown }): Promise<void>;
    handleSyncMessage(message: unknown): Promise<void>;
  }

  /** packages/core/server/src/application.ts */
  export const Application: {
    /** Called at the end of each `init()`: when an app is made and whenever it reloads. */
    registerStaticCommand(callback: (app: CoreApplication) => void): void;
  };

  /** packages/core/server/src/gateway/index.ts */
  export const Gateway: {
    /** Handlers run before everything else; one that returns other than `false` has answered. */
    registerRequestHandler(handler: import("./core").RequestHandler): void;
    registerWsHandler(handler: import("./core").UpgradeHandler): void;
  };
}

declare module "@nocobase/lock-manager" {
  /** packages/core/lock-manager/src/lock-manager.ts */
  export class LockAcquireError extends Error {
    constructor(message?: string, options?: { cause?: unknown });
  }
}
