/** What is changed through one replica is served by all. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Replica } from "../support/replicas";
import { status, VISIBLE_MS, type Trio } from "./trio";

export function changes(trio: () => Trio): void {
  it("came up from an empty database, all at once, installed once", async () => {
    const { app } = trio();

    assert.deepEqual(await app.sql(`SELECT count(*)::int FROM "applicationVersion"`), [{ count: 1 }]);
    assert.deepEqual(await app.sql(`SELECT count(*)::int FROM users`), [{ count: 1 }]);
    const ids = await app.sql("SELECT count(owner)::int FROM fleet_cluster.worker_ids");
    assert.deepEqual(ids, [{ count: 3 }]);
  });

  it("serves collections and fields at all replicas, whichever they were made, changed and removed through", async () => {
    const { app } = trio();

    for (const [index, by] of app.replicas.entries()) {
      const name = `goods_${index}`;
      await by.post("collections:create", { name, fields: [{ name: "title", type: "string" }] });
      await trio().seenByOthers(
        "collection",
        by,
        async (replica) => (await status(replica, `${name}:list`)) === 200,
      );
      await by.post(`collections/${name}/fields:create`, {
        name: "price",
        type: "integer",
        interface: "integer",
      });
      await trio().seenByOthers("field", by, async (replica) => {
        const row = await replica.post<{ price?: number }>(`${name}:create`, { title: "a", price: 7 });
        return row.price === 7;
      });
      await by.post(`collections/${name}/fields:destroy`, undefined, { filterByTk: "price" });
      await trio().seenByOthers("field's removal", by, async (replica) => {
        const reply = await replica.request(`${name}:create`, {
          method: "POST",
          body: { title: "b", price: 7 },
        });
        return !("price" in ((reply.body as { data?: object }).data ?? { price: 0 }));
      });
      await by.post("collections:destroy", undefined, { filterByTk: name });
      await trio().seenByOthers(
        "collection's removal",
        by,
        async (replica) => (await status(replica, `${name}:list`)) !== 200,
      );
    }
  });

  it("serves roles and permissions at all replicas", async () => {
    const { app } = trio();
    const [one, two, three] = trio().replicas;
    await one.post("collections:create", { name: "offers", fields: [{ name: "title", type: "string" }] });
    await one.post("roles:create", { name: "clerk", title: "Clerk", snippets: [] });
    await one.post("users:create", {
      username: "clerk",
      email: "clerk@example.com",
      password: "password-of-the-clerk",
      roles: ["clerk"],
    });
    const token = await two.signIn("clerk@example.com", "password-of-the-clerk");
    const listed = async (replica: Replica) =>
      (await replica.request("offers:list", { headers: { "X-Role": "clerk" } }, token)).status;
    for (const replica of app.replicas) assert.equal(await listed(replica), 403, replica.name);

    const resource = { name: "offers", usingActionsConfig: true, actions: [{ name: "view" }] };
    await three.post("roles/clerk/dataSourceResources:create", { ...resource, dataSourceKey: "main" });
    await trio().seenByOthers("permission", three, async (replica) => (await listed(replica)) === 200);
    await two.post("dataSourcesRolesResources:destroy", undefined, { filter: '{"roleName":"clerk"}' });
    await trio().seenByOthers(
      "permission's removal",
      two,
      async (replica) => (await listed(replica)) === 403,
    );

    const strategy = (actions: string[]) => ({ strategy: { actions } });
    const main = { filterByTk: "clerk", dataSourceKey: "main" };
    await one.post("dataSources/main/roles:update", strategy(["view"]), main);
    await trio().seenByOthers("strategy", one, async (replica) => (await listed(replica)) === 200);
    await two.post("roles:destroy", undefined, { filterByTk: "clerk" });
    await trio().seenByOthers("role's removal", two, async (replica) => (await listed(replica)) !== 200);
  });

  it("serves UI schemas, system settings and sign-in methods at all replicas", async () => {
    const { app } = trio();
    const [, two, three] = trio().replicas;
    for (const [index, by] of app.replicas.entries()) {
      const uid = "page_under_test";
      const title = (replica: Replica) =>
        replica.get<{ title?: string }>(`uiSchemas:getJsonSchema/${uid}`).then((schema) => schema.title);
      if (index === 0) await by.post("uiSchemas:insert", { type: "void", title: "new", "x-uid": uid });
      else await by.post("uiSchemas:patch", { "x-uid": uid, title: `title ${index}` });
      const wanted = index === 0 ? "new" : `title ${index}`;
      await trio().seenByOthers("UI schema", by, async (replica) => (await title(replica)) === wanted);

      await by.post("systemSettings:update", { title: `Company ${index}` }, { filterByTk: "1" });
      await trio().seenByOthers("setting", by, async (replica) => {
        return (await replica.get<{ title: string }>("systemSettings:get")).title === `Company ${index}`;
      });
    }
    const methods = (replica: Replica) =>
      replica
        .get<{ name: string }[]>("authenticators:publicList")
        .then((list) => list.map(({ name }) => name));
    assert.deepEqual(await methods(three), ["basic"]);
    const own = { name: "second", authType: "Email/Password", title: "Second", enabled: true };
    await two.post("authenticators:create", own);
    await trio().seenByOthers("sign-in method", two, async (replica) =>
      (await methods(replica)).includes("second"),
    );
  });

  it("shares sign-in and sign-out", async () => {
    const { app } = trio();

    for (const [index, by] of app.replicas.entries()) {
      const token = await by.signIn();
      for (const replica of app.replicas) assert.equal(await status(replica, "auth:check", token), 200);
      const other = app.replicas[(index + 1) % 3]!;
      assert.equal((await other.request("auth:signOut", { method: "POST" }, token)).status, 200);
      for (const replica of app.replicas)
        assert.equal(await status(replica, "auth:check", token), 401, replica.name);
    }
  });

  it("renews an expired token once, also for requests that come to all replicas together", async () => {
    const { app } = trio();
    const [one] = trio().replicas;
    const policy = (tokenExpirationTime: string) => ({
      config: { tokenExpirationTime, sessionExpirationTime: "7d", expiredTokenRenewLimit: "1d" },
    });
    await one.post("tokenControlConfig:update", policy("1s"), { filterByTk: "token-policy-config" });
    await sleep(VISIBLE_MS);
    const token = await one.signIn();
    await sleep(2100);
    const replies = await Promise.all(
      [...app.replicas, ...app.replicas].map(({ url }) =>
        fetch(`${url}/api/auth:check`, {
          headers: { Authorization: `Bearer ${token}`, "X-Authenticator": "basic" },
        }),
      ),
    );
    assert.deepEqual(
      replies.map((reply) => reply.status),
      replies.map(() => 200),
    );
    await one
      .post("tokenControlConfig:update", policy("1d"), { filterByTk: "token-policy-config" })
      .catch(() => undefined);
    app.token = await one.signIn();
  });

  it("makes ids once, however many replicas write together", async () => {
    const { app } = trio();
    const [one] = trio().replicas;
    await one.post("collections:create", {
      name: "orders",
      autoGenId: false,
      fields: [
        { name: "id", type: "snowflakeId", primaryKey: true, autoIncrement: false },
        { name: "sort", type: "sort" },
        { name: "title", type: "string" },
      ],
    });
    await trio().seenByOthers(
      "collection",
      one,
      async (replica) => (await status(replica, "orders:list")) === 200,
    );
    await Promise.all(
      app.replicas.flatMap((replica) =>
        Array.from({ length: 20 }, (_, index) =>
          replica.post("orders:create", { title: `${replica.name} ${index}` }),
        ),
      ),
    );
    const [numbers] = await app.sql(
      "SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM orders",
    );
    assert.deepEqual(numbers, { rows: 60, ids: 60 });
  });
}
