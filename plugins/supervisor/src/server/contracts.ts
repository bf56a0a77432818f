/** What the entry app's side uses of NocoBase's core besides what our plugins have in common (2.2.15). */
import type { Application, Database } from "../../../shared/contracts/core";

export interface Row {
  toJSON(): Record<string, unknown>;
}

/** packages/core/database/src/repository.ts */
export interface RowRepository {
  find(options?: { filter?: unknown; sort?: string[]; limit?: number }): Promise<Row[]>;
  create(options: { values: Record<string, unknown> }): Promise<unknown>;
  update(options: { filterByTk: string; values: Record<string, unknown> }): Promise<unknown>;
  destroy(options: { filterByTk?: string; filter?: unknown }): Promise<unknown>;
}

/** A request to an action, as packages/core/resourcer hands it on. */
export interface ActionContext {
  action: { params: Record<string, unknown> & { values?: Record<string, unknown> } };
  state: {
    currentUser?: { id: number; username?: string | null; email?: string | null; nickname?: string | null };
  };
  body: unknown;
  throw(status: number, message: string): never;
}
export type ActionHandler = (context: ActionContext, next: () => Promise<void>) => Promise<void>;

export interface EntryApplication extends Application {
  db: Database & { collection(options: Record<string, unknown>): unknown };
  pm: { get(name: string): { enabled?: boolean } | undefined };
  acl: { registerSnippet(snippet: { name: string; actions: string[] }): void };
  resourceManager: {
    define(options: { name: string; actions: Record<string, ActionHandler> }): void;
    registerActionHandlers(handlers: Record<string, ActionHandler>): void;
  };
}

/** Rows of a collection, with the events that workflows listen to. */
export function rowsOf(app: EntryApplication, collection: string): RowRepository {
  return app.db.getRepository(collection) as unknown as RowRepository;
}
