import assert from "node:assert/strict";
import { openApp, statusOf, type PlatformHarness } from "../support/fleet";

/** Create, and nothing to do the second time. */
export function firstUp(harness: () => PlatformHarness): void {
  describe("first up", () => {
    it("brings up the entry app, an environment, two shared apps and a dedicated one", async () => {
      const { stdout } = await harness().project.succeed("up");
      for (const name of ["entry", "blue", "crm", "support", "erp"]) {
        assert.match(stdout, new RegExp(`^${name} .*running`, "m"), stdout);
      }
      assert.match(stdout, /http:\/\/crm\.localhost:\d+/);
      assert.match(stdout, /credentials/);
    });

    for (const name of ["entry", "blue", "crm", "support", "erp"]) {
      it(`signs in to ${name} with its own credentials`, async () => {
        const app = await openApp(harness().project, name);
        assert.equal(await app.health(), 200);
        await app.signIn();
        const users = await app.call<{ email: string }[]>("users:list");
        assert.deepEqual(
          users.map(({ email }) => email),
          [app.email],
        );
      });
    }

    it("shows each app's title on its own pages", async () => {
      for (const [name, title] of [
        ["crm", "CRM"],
        ["erp", "ERP"],
        ["entry", "Entry app"],
      ] as const) {
        const app = await openApp(harness().project, name);
        assert.equal((await app.call<{ title: string }>("systemSettings:get")).title, title);
      }
    });

    it("answers at /apps/<app>/ of the fleet's address, for shared and dedicated apps", async () => {
      const entry = await openApp(harness().project, "entry");
      const shared = await entry.send("/apps/crm/");
      assert.equal(shared.status, 200);
      assert.match(shared.text, /<div id="root">/);
      // A dedicated app's files and cookies would collide with the entry app's there, so it answers at its own host.
      const dedicated = await entry.send("/apps/erp/admin");
      assert.equal(dedicated.status, 307);
      const erp = await openApp(harness().project, "erp");
      assert.equal(new URL(dedicated.headers.location!, entry.url).href, `${erp.url}/admin`);
      for (const name of ["crm", "erp"]) {
        assert.equal((await entry.send(`/api/__app/${name}/__health_check`)).status, 200, name);
      }
    });

    it("refuses one app's password at another", async () => {
      const [crm, erp] = [await openApp(harness().project, "crm"), await openApp(harness().project, "erp")];
      Object.assign(erp, { password: crm.password });
      await assert.rejects(erp.signIn(), /sign-in/);
    });

    it("changes nothing the second time, and starts nothing anew", async () => {
      const before = await harness().identities();
      const run = await harness().project.succeed("up");
      assert.match(run.stdout, /No changes/);
      assert.deepEqual(await harness().identities(), before);
    });

    it("tells the live state as JSON", async () => {
      const rows = await statusOf(harness().project);
      assert.equal(rows.crm!.environment, "blue");
      assert.equal(rows.erp!.isolation, "dedicated");
      for (const row of Object.values(rows)) assert.ok(row.ok, `${row.name}: ${row.state}`);
    });
  });
}
