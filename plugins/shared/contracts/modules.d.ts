/** What our plugins use of NocoBase's packages (2.2.15); the release it is installed into brings the code. */

declare module "@nocobase/server" {
  type CoreApplication = import("./core").Application;

  /** packages/core/server/src/plugin.ts */
  export const Plugin: new (app: CoreApplication, options?: Record<string, unknown>) => object;

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
    getInstance(): {
      /** Name of the app that a request is for. */
      getRequestHandleAppName(request: import("node:http").IncomingMessage): Promise<string>;
    };
  };

  /** packages/core/server/src/app-supervisor/index.ts */
  export const AppSupervisor: { getInstance(): import("./app-supervisor").AppSupervisor };
}

declare module "@nocobase/lock-manager" {
  /** packages/core/lock-manager/src/lock-manager.ts */
  export class LockAcquireError extends Error {
    constructor(message?: string, options?: { cause?: unknown });
  }
}
