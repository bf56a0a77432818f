import assert from "node:assert/strict";
import { openApp, statusOf, type PlatformHarness } from "../support/fleet";

type Apps = Record<string, Record<string, unknown>>;

/** Edits of the stack file: what each changes, and what it leaves alone. */
export function changes(harness: () => PlatformHarness): void {
  const editApps = (change: (apps: Apps) => void) =>
    harness().project.edit((values) => change(values.apps as Apps));
  const up = () => harness().project.succeed("up");

  describe("changes", () => {
    let uploaded: string;

    it("adds a shared app without touching anything else", async () => {
      const before = await harness().identities();
      editApps((apps) => (apps.hr = { title: "HR", environment: "blue" }));
      await up();
      assert.deepEqual(await harness().identities(), before);
      const hr = await openApp(harness().project, "hr");
      await hr.signIn();
    });

    it("stops one app: the gateway answers, no request wakes it, the others go on", async () => {
      const before = await harness().identities();
      const crm = await openApp(harness().project, "crm");
      editApps((apps) => (apps.support!.state = "stopped"));
      await up();
      const support = await openApp(harness().project, "support");
      for (const path of ["/", "/api/__health_check", "/admin"]) {
        assert.equal((await support.send(path)).status, 503, path);
      }
      const entry = await openApp(harness().project, "entry");
      assert.equal((await entry.send("/apps/support/")).status, 503);
      assert.equal((await statusOf(harness().project)).support!.state, "stopped");
      assert.equal(await crm.health(), 200);
      assert.deepEqual(await harness().identities(), before);
    });

    it("starts it again", async () => {
      editApps((apps) => delete apps.support!.state);
      await up();
      await (await openApp(harness().project, "support")).signIn();
    });

    it("takes a new title over in place", async () => {
      const before = await harness().identities();
      editApps((apps) => (apps.crm!.title = "Customers"));
      const { stdout } = await up();
      assert.match(stdout, /updated\s+crm-app/);
      const crm = await openApp(harness().project, "crm");
      assert.equal((await crm.call<{ title: string }>("systemSettings:get")).title, "Customers");
      assert.deepEqual(await harness().identities(), before);
    });

    it("moves an app from shared to dedicated with its data and files", async () => {
      const before = await openApp(harness().project, "crm");
      await before.call("users:create", {
        nickname: "Keep me",
        username: "keeper",
        email: "keeper@example.com",
      });
      uploaded = await before.upload("note.txt", "kept through every move");
      const identities = await harness().identities();

      editApps((apps) => (apps.crm = { title: "Customers", isolation: "dedicated" }));
      await up();

      const after = await openApp(harness().project, "crm");
      assert.equal(after.password, before.password);
      const users = await after.call<{ username: string }[]>("users:list");
      assert.ok(users.some(({ username }) => username === "keeper"));
      assert.equal(await after.download(uploaded), "kept through every move");
      const { logo } = await after.call<{ logo: { url: string } }>("systemSettings:get?appends=logo");
      assert.match(await after.download(logo.url), /^.PNG/);
      const { "app-crm": fresh, ...others } = await harness().identities();
      assert.ok(fresh);
      assert.deepEqual(others, identities);
    });

    it("moves it back, and takes the dedicated instance away", async () => {
      editApps((apps) => (apps.crm = { title: "Customers", environment: "blue" }));
      await up();
      const crm = await openApp(harness().project, "crm");
      const users = await crm.call<{ username: string }[]>("users:list");
      assert.ok(users.some(({ username }) => username === "keeper"));
      assert.equal(await crm.download(uploaded), "kept through every move");
      assert.ok(!("app-crm" in (await harness().identities())));
    });

    it("sees drift made by hand, and puts it right", async () => {
      const blue = await openApp(harness().project, "blue");
      await blue.call("applications:update?filterByTk=hr", { displayName: "Renamed by hand" });
      const refreshed = await harness().project.succeed("refresh");
      assert.match(refreshed.stdout, /hr-app/);
      const { stdout } = await up();
      assert.match(stdout, /updated\s+hr-app/);
      const { title } = (
        await blue.call<{ name: string; displayName: string }[]>("applications:list?pageSize=200")
      )
        .map(({ name, displayName }) => ({ name, title: displayName }))
        .find(({ name }) => name === "hr")!;
      assert.equal(title, "HR");
    });
  });
}
