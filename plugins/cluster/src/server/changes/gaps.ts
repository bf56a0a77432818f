/** Changes that NocoBase 2.2.15 keeps in a process's memory and tells no other: told here. */
import type { Application, Model, Transaction } from "../../../../shared/contracts/core";

export type Change =
  | { type: "roleRemoved"; name: string }
  | { type: "roleResourceRemoved"; dataSource: string; role: string; resource: string }
  | { type: "authenticators" }
  | { type: "plugins" };

type Tell = (change: Change, transaction?: Transaction) => void;

/** Tells the others of this replica's changes as they are saved. */
export function watchGaps(app: Application, tell: Tell): void {
  const on = (event: string, change: (model: Model) => Change): void =>
    app.db.on(event, (model, { transaction }) => tell(change(model), transaction));
  on("roles.afterDestroy", (role) => ({ type: "roleRemoved", name: String(role.get("name")) }));
  on("dataSourcesRolesResources.afterDestroy", (resource) => ({
    type: "roleResourceRemoved",
    dataSource: String(resource.get("dataSourceKey")),
    role: String(resource.get("roleName")),
    resource: String(resource.get("name")),
  }));
  on("authenticators.afterSave", () => ({ type: "authenticators" }));
  on("authenticators.afterDestroy", () => ({ type: "authenticators" }));
}

/** Takes a change over into this process's memory. Plugins are not among them: they need a restart. */
export async function applyGap(app: Application, change: Change): Promise<void> {
  switch (change.type) {
    case "roleRemoved":
      for (const { acl } of app.dataSourceManager.dataSources.values()) acl.removeRole(change.name);
      return;
    case "roleResourceRemoved":
      app.dataSourceManager.dataSources
        .get(change.dataSource)
        ?.acl.getRole(change.role)
        ?.revokeResource(change.resource);
      return;
    case "authenticators":
      // Read anew by the next sign-in (plugin-auth, storer).
      await app.cacheManager.getCache("auth").del("authenticators");
      return;
    case "plugins":
      return;
  }
}
